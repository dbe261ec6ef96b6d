// Captions as files to keep.

import { format_captions, kFormats, sidecar_name } from "../captions/formats.ts";
import type { Track } from "../captions/track.ts";
import { distinct_names, zip } from "../captions/zip.ts";
import { announce, element, icon, save_file } from "./dom.ts";

/// What a zip of all tracks holds for each of them.
const kSidecars = kFormats.filter(({ format }) => ["txt", "srt", "json"].includes(format));

/// @param all every track of the page, for the archive of sidecars
export function export_menu(track: Track, all: () => readonly Track[]): HTMLDetailsElement {
  const items = kFormats.map((entry) => {
    const name = sidecar_name(track.name, entry.extension);
    const label = element("span", { class: "menu-label" }, entry.label);
    const hint = element("span", { class: "menu-hint" }, entry.hint);
    const onclick = () => {
      if (!track.captions) return;
      save_file(name, new Blob([format_captions(track.captions, entry.format)], { type: `${entry.type};charset=utf-8` }));
      close(`Saved ${name}`);
    };
    return element("button", { type: "button", "data-format": entry.format, onclick }, label, hint);
  });
  const archive = element(
    "button",
    { type: "button", "data-format": "zip", class: "menu-apart", onclick: () => (save_sidecars(all()), close("Saved captions.zip")) },
    element("span", { class: "menu-label" }, "Sidecars of all files"),
    element("span", { class: "menu-hint" }, "zip: txt, srt, json each"),
  );
  const summary = element("summary", { class: "button" }, icon("down"), "Export");
  const menu = element("details", { class: "menu" }, summary, element("div", { class: "menu-items" }, ...items, archive));

  function close(said: string | null): void {
    menu.open = false;
    if (said === null) return;
    summary.focus();
    announce(said);
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) close("");
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) close(null);
  });
  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && menu.contains(event.target)) return;
      close(null);
      document.removeEventListener("pointerdown", outside);
    };
    document.addEventListener("pointerdown", outside);
  });
  return menu;
}

function save_sidecars(tracks: readonly Track[]): void {
  const entries = tracks.flatMap((track) => {
    const captions = track.captions;
    if (!captions || track.working) return [];
    return kSidecars.map(({ format, extension }) => ({
      name: sidecar_name(track.name, extension),
      text: format_captions(captions, format),
    }));
  });
  const names = distinct_names(entries.map((entry) => entry.name));
  save_file("captions.zip", zip(entries.map((entry, i) => ({ ...entry, name: names[i] ?? entry.name })), new Date()));
}
