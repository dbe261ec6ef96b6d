// The files of the page, to choose from.

import type { Queue } from "../captions/queue.ts";
import type { Track } from "../captions/track.ts";
import { element, icon_button } from "./dom.ts";
import { status_words } from "./track_status.ts";

export class QueueList {
  private readonly rows_ = new Map<Track, { root: HTMLLIElement; off: () => void }>();

  constructor(
    private readonly list_: HTMLElement,
    private readonly queue_: Queue,
    private readonly on_select_: (track: Track | null) => void,
  ) {}

  private selected_: Track | null = null;

  show(): void {
    for (const [track, row] of this.rows_) {
      if (this.queue_.tracks.includes(track)) continue;
      row.off();
      row.root.remove();
      this.rows_.delete(track);
    }
    for (const track of this.queue_.tracks) if (!this.rows_.has(track)) this.add_(track);
  }

  select(track: Track | null): void {
    if (track !== null && track === this.selected_) return;
    this.selected_ = track;
    for (const [other, { root }] of this.rows_) {
      const button = root.querySelector("button");
      if (other === track) button?.setAttribute("aria-current", "true");
      else button?.removeAttribute("aria-current");
    }
    this.on_select_(track);
  }

  private add_(track: Track): void {
    const state = element("span", { class: "queue-state" });
    const choose = element(
      "button",
      { type: "button", class: "queue-choose", onclick: () => this.select(track) },
      element("span", { class: "queue-name" }, track.name),
      state,
    );
    const remove = icon_button("close", `Remove ${track.name}`, () => this.remove_(track));
    const root = element("li", {}, choose, remove);
    const update = () => {
      state.textContent = status_words(track);
      root.dataset["state"] = track.state;
    };
    this.rows_.set(track, { root, off: track.on(update) });
    update();
    this.list_.append(root);
  }

  private remove_(track: Track): void {
    const index = this.queue_.tracks.indexOf(track);
    this.queue_.remove(track);
    const next = this.queue_.tracks[Math.min(index, this.queue_.tracks.length - 1)] ?? null;
    if (this.selected_ === track) this.select(next);
    const button = next ? this.rows_.get(next)?.root.querySelector("button") : null;
    (button ?? document.getElementById("choose"))?.focus();
  }
}
