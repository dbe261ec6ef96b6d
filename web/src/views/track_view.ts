// One track: its caption on top, the score of its sound, the captions of its segments.

import { Waveform } from "../audio/waveform.ts";
import { segment_at } from "../captions/edit.ts";
import { time_label } from "../captions/timecodes.ts";
import type { Change, Track } from "../captions/track.ts";
import { CaptionRow } from "./caption_row.ts";
import { copy_text, element, icon, icon_button } from "./dom.ts";
import { editable_text } from "./editable_text.ts";
import { export_menu } from "./export_menu.ts";
import { TrackStatus, type StatusHandlers } from "./track_status.ts";

const kSkip_s = 5;
const kLong_s = 1000; // from here on times and numbers want more room

export interface TrackViewHandlers extends StatusHandlers {
  all_tracks(): readonly Track[];
}

export class TrackView {
  readonly root: HTMLElement;

  private readonly wave_: Waveform;
  private readonly rows_: CaptionRow[] = [];
  private readonly list_ = element("ol", { class: "rows", "aria-label": "Captions of the segments" });
  private readonly status_: TrackStatus;
  private readonly track_caption_;
  private readonly track_edit_: HTMLButtonElement;
  private readonly track_restore_: HTMLButtonElement;
  private readonly track_tools_: HTMLElement;
  private readonly export_: HTMLElement;
  private readonly transport_: HTMLElement;
  private readonly play_ = element("button", { type: "button", class: "play-button", "aria-label": "Play", onclick: () => this.toggle_play() });
  private readonly clock_ = element("span", { class: "clock" });
  private readonly stop_after_ = element("input", { type: "checkbox" });
  private readonly silent_note_ = element("p", { class: "quiet", hidden: true });
  private readonly warnings_ = element("ul", { class: "warnings" });
  private readonly unsubscribe_: () => void;
  private playing_ = -1;

  constructor(
    private readonly track_: Track,
    handlers: TrackViewHandlers,
  ) {
    this.status_ = new TrackStatus(track_, handlers);
    this.track_caption_ = editable_text("Caption of the whole track", (text) => track_.edit_track_caption(text), () => this.track_edit_);
    this.track_edit_ = icon_button("pencil", "Edit the track caption", () => this.track_caption_.edit());
    this.track_restore_ = icon_button("undo", "Take back the change of the track caption", () => track_.restore_track_caption());
    const copy = icon_button("copy", "Copy the track caption", () => void copy_text(track_.captions?.track_caption ?? "", copy));
    this.track_tools_ = element("div", { class: "row-tools" }, this.track_restore_, this.track_edit_, copy);
    this.export_ = export_menu(track_, handlers.all_tracks);
    const staff = element("div", { class: "staff" });
    this.transport_ = this.make_transport_();
    this.root = this.make_root_(staff);
    this.wave_ = new Waveform(staff, {
      time: (seconds) => this.show_time_(seconds),
      playing: (playing) => this.show_playing_(playing),
      segment_clicked: (index) => this.play_segment(index),
    });
    this.unsubscribe_ = track_.on((change) => this.update_(change));
    this.show_captions_();
    void this.load_sound_();
  }

  close(): void {
    this.unsubscribe_();
    this.wave_.close();
    this.root.remove();
  }

  repaint(): void {
    this.wave_.repaint();
  }

  toggle_play(): void {
    if (this.wave_.playing) this.wave_.pause();
    else void this.wave_.play();
  }

  play_segment(index: number): void {
    const segment = this.track_.captions?.segments[index];
    if (!segment) return;
    this.wave_.seek(segment.start_s);
    this.mark_(index);
    void this.wave_.play(segment.start_s, this.stop_after_.checked ? segment.end_s : undefined);
  }

  /// The next or previous segment, from the one that sounds or has the focus.
  step(by: number): void {
    const focused = this.rows_.findIndex((row) => row.root.contains(document.activeElement));
    const from = focused >= 0 ? focused : this.playing_;
    const to = Math.max(0, Math.min(this.rows_.length - 1, from + by));
    this.rows_[to]?.focus();
    if (this.wave_.playing) this.play_segment(to);
  }

  skip(direction: number): void {
    this.wave_.seek(this.wave_.time_s + direction * kSkip_s);
  }

  edit(): void {
    const focused = this.rows_.findIndex((row) => row.root.contains(document.activeElement));
    this.rows_[focused >= 0 ? focused : Math.max(this.playing_, 0)]?.edit();
  }

  private make_transport_(): HTMLElement {
    this.play_.append(icon("play"));
    const stop_after = element("label", { class: "check" }, this.stop_after_, "Stop after a segment");
    return element("div", { class: "transport" }, this.play_, this.clock_, element("span", { class: "spring" }), stop_after);
  }

  private make_root_(staff: HTMLElement): HTMLElement {
    const title = element("h2", { class: "track-name", tabindex: "-1" }, this.track_.name);
    const head = element("div", { class: "track-head" }, title, this.export_);
    const quote = element("div", { class: "track-caption" }, this.track_caption_.root, this.track_tools_);
    return element(
      "article",
      { class: "track", "aria-label": this.track_.name },
      head,
      quote,
      element("div", { class: "score" }, staff, this.transport_, this.silent_note_),
      this.status_.root,
      this.warnings_,
      this.list_,
    );
  }

  private async load_sound_(): Promise<void> {
    await this.wave_.load(this.track_.file, this.track_.captions?.duration_s ?? this.track_.audio_s_known ?? 0);
    const playable = this.wave_.playable;
    this.play_.disabled = !playable;
    this.silent_note_.hidden = playable;
    this.silent_note_.textContent = this.track_.file
      ? "This browser cannot play this kind of file. Its captions come all the same."
      : "These captions came without their music. Add the audio file of the same name to hear it.";
    this.show_time_(0);
    this.show_captions_();
  }

  private update_(change: Change): void {
    this.status_.show();
    switch (change.what) {
      case "captions":
        return this.show_captions_();
      case "segment":
        return this.show_segment_(change.index);
      case "track_caption":
        return this.show_track_caption_();
      case "file":
        return void this.load_sound_();
      case "state":
        return this.show_track_caption_();
    }
  }

  private show_captions_(): void {
    const segments = this.track_.captions?.segments ?? [];
    // The browser could not tell the length; the server has by now.
    if (this.wave_.ready && this.wave_.duration_s === 0 && (this.track_.captions?.duration_s ?? 0) > 0) void this.load_sound_();
    while (this.rows_.length > segments.length) this.rows_.pop()?.root.remove();
    segments.forEach((_, i) => this.show_segment_(i));
    this.wave_.set_segments(segments);
    this.warnings_.replaceChildren(...(this.track_.captions?.warnings ?? []).map((text) => element("li", {}, text)));
    this.show_track_caption_();
  }

  private show_segment_(index: number): void {
    const segment = this.track_.captions?.segments[index];
    if (!segment) return;
    let row = this.rows_[index];
    if (!row) {
      row = new CaptionRow(index, {
        play: (i) => this.play_segment(i),
        edit: (i, text) => this.track_.edit(i, text),
        choose: (i, candidate) => this.track_.choose(i, candidate),
        restore: (i) => this.track_.restore(i),
      });
      this.rows_[index] = row;
      if (segment.end_s >= kLong_s) this.list_.classList.add("long");
      this.list_.append(row.root);
      this.wave_.set_segments(this.track_.captions?.segments ?? []);
    }
    row.show(segment, this.track_.is_edited(index), this.wave_.playable);
  }

  private show_track_caption_(): void {
    const text = this.track_.captions?.track_caption ?? "";
    const coming = this.track_.working || this.track_.state === "waiting";
    this.track_caption_.set(text, text || (coming ? "The caption of the whole track comes last." : "No caption for the whole track."));
    // Where nothing came and nothing will, there is only what went wrong to see.
    const nothing = !coming && (this.track_.captions?.segments.length ?? 0) === 0;
    this.root.classList.toggle("nothing", nothing);
    this.root.classList.toggle("unplayable", this.wave_.ready && !this.wave_.playable);
    this.track_caption_.root.classList.toggle("empty", text === "");
    this.track_tools_.hidden = this.track_.captions?.track_caption === undefined;
    this.track_restore_.hidden = !this.track_.track_caption_edited;
    this.export_.hidden = (this.track_.captions?.segments.length ?? 0) === 0;
  }

  private show_time_(seconds: number): void {
    const total = time_label(Math.floor(this.wave_.duration_s));
    this.clock_.textContent = `${time_label(Math.floor(seconds))} / ${total}`;
    const moved = this.wave_.playing || seconds > 0;
    this.mark_(moved ? segment_at(this.track_.captions?.segments ?? [], seconds) : -1);
  }

  private mark_(index: number): void {
    if (index === this.playing_) return;
    this.rows_[this.playing_]?.mark(false);
    this.playing_ = index;
    this.wave_.mark(index);
    const row = this.rows_[index];
    if (!row) return;
    row.mark(true);
    if (this.rows_.some((other) => other.editing)) return; // do not pull the field away under the writer
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    row.root.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
  }

  private show_playing_(playing: boolean): void {
    this.play_.replaceChildren(icon(playing ? "pause" : "play"));
    this.play_.setAttribute("aria-label", playing ? "Pause" : "Play");
  }
}
