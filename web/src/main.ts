// Puts the page together.

import "./style/main.css";

import { Client } from "./api/client.ts";
import { plain_words } from "./api/errors.ts";
import { import_captions } from "./captions/import.ts";
import { Queue } from "./captions/queue.ts";
import { request_fields } from "./captions/settings.ts";
import { Track } from "./captions/track.ts";
import { set_up_add_music } from "./views/add_music.ts";
import { announce, by_id, is_typing } from "./views/dom.ts";
import { Drawer } from "./views/drawer.ts";
import { ask_for_key, set_up_key_prompt } from "./views/key_prompt.ts";
import { QueueList } from "./views/queue_list.ts";
import { set_up_tabs } from "./views/tabs.ts";
import { TagsView } from "./views/tags_view.ts";
import { set_up_theme } from "./views/theme.ts";
import { TrackView } from "./views/track_view.ts";

const client = new Client(ask_for_key);
const drawer = new Drawer();
const queue = new Queue(client, () => request_fields(drawer.settings));
const tags = new TagsView(client);
let view: TrackView | null = null;

const list = new QueueList(by_id("queue"), queue, (track) => {
  view?.close();
  view = track
    ? new TrackView(track, {
        stop: (t) => queue.stop(t),
        again: (t) => queue.again(t),
        all_tracks: () => queue.tracks,
      })
    : null;
  if (view) by_id("stage").append(view.root);
});

queue.on_change = () => {
  list.show();
  const any = queue.tracks.length > 0;
  document.documentElement.classList.toggle("has-tracks", any);
  by_id("queue-section").hidden = !any;
};

function show_problem(title: string, detail: string): void {
  by_id("banner-title").textContent = title;
  by_id("banner-detail").textContent = detail;
  by_id("banner").hidden = false;
  announce(`${title} ${detail}`);
}

/// A file with captions, by its name or type; all else is taken for music.
function is_captions(file: File): boolean {
  return /\.jsonl?$/i.test(file.name) || file.type === "application/json";
}

function base_name(path: string): string {
  return path.split(/[/\\]/).pop() || path;
}

async function open_captions(file: File): Promise<Track | null> {
  try {
    let first: Track | null = null;
    for (const captions of import_captions(await file.text())) {
      const name = base_name(captions.file);
      const known = queue.tracks.find((track) => track.name === name && !track.working);
      const track = known ?? new Track(name, null);
      if (known?.state === "waiting") queue.stop(known); // it has its captions already
      track.take_import(captions);
      if (!known) queue.add(track);
      first ??= track;
    }
    return first;
  } catch (error) {
    show_problem(`${file.name} could not be opened.`, error instanceof Error ? error.message : String(error));
    return null;
  }
}

function open_music(file: File): Track {
  const silent = queue.tracks.find((track) => track.name === file.name && track.file === null);
  if (silent) {
    silent.attach(file);
    return silent;
  }
  const track = new Track(file.name, file);
  queue.add(track);
  return track;
}

async function take_files(files: File[]): Promise<void> {
  by_id("banner").hidden = true;
  by_id("tab-music").click();
  let first: Track | null = null;
  for (const file of files) {
    const track = is_captions(file) ? await open_captions(file) : open_music(file);
    first ??= track;
  }
  if (first) list.select(first);
}

async function ask_server(): Promise<void> {
  try {
    const server = await client.models();
    queue.limits = server.limits ?? {};
    drawer.set_server(server);
    tags.set_language_model(server.language_model?.name ?? null);
  } catch (error) {
    const { title, detail } = plain_words(error);
    show_problem(title, detail);
  }
}

function on_key(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || is_typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") return by_id<HTMLDialogElement>("help").showModal();
  if (!view || by_id("panel-music").hidden) return;
  const on_control = event.target instanceof HTMLElement && event.target.closest("button, summary, a, [role=tab]") !== null;
  const actions: Record<string, (view: TrackView) => void> = {
    j: (v) => v.step(1),
    k: (v) => v.step(-1),
    e: (v) => v.edit(),
    ...(on_control ? {} : { " ": (v: TrackView) => v.toggle_play(), ArrowLeft: (v: TrackView) => v.skip(-1), ArrowRight: (v: TrackView) => v.skip(1) }),
  };
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action(view);
}

set_up_tabs();
set_up_key_prompt();
set_up_theme(() => view?.repaint());
set_up_add_music({ files: (files) => void take_files(files), problem: show_problem });
addEventListener("keydown", on_key);
by_id("close-banner").addEventListener("click", () => (by_id("banner").hidden = true));
by_id("open-help").addEventListener("click", () => by_id<HTMLDialogElement>("help").showModal());
by_id("close-help").addEventListener("click", () => by_id<HTMLDialogElement>("help").close());
addEventListener("beforeunload", (event) => {
  if (queue.tracks.some((track) => track.working)) event.preventDefault();
});
void ask_server();
