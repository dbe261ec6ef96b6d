// One piece of music on the page: its file, its captions, and how far they are.

import type { PlainWords } from "../api/errors.ts";
import type { Captions, Segment } from "../api/types.ts";
import { choose_candidate, edit_segment } from "./edit.ts";
import { one_line } from "./formats.ts";

export type TrackState = "waiting" | "sending" | "captioning" | "busy" | "done" | "failed" | "stopped";

/// What changed: the state line, one segment (its index), the track caption, or the whole list.
export type Change = { what: "state" | "track_caption" | "captions" | "file" } | { what: "segment"; index: number };

let next_id = 1;

export class Track {
  readonly id = next_id++;
  state: TrackState = "waiting";
  captions: Captions | null = null;
  error: PlainWords | null = null;
  audio_s_done = 0;
  audio_s_known: number | null = null;
  queue_position: number | null = null;
  retry_in_s = 0;

  private readonly listeners_ = new Set<(change: Change) => void>();
  /// The model's own segments under the user's edits.
  private readonly originals_ = new Map<number, Segment>();
  private original_track_caption_: string | null = null;

  constructor(
    readonly name: string,
    public file: File | null,
  ) {}

  on(listener: (change: Change) => void): () => void {
    this.listeners_.add(listener);
    return () => this.listeners_.delete(listener);
  }

  changed(change: Change): void {
    for (const listener of this.listeners_) listener(change);
  }

  set_state(state: TrackState, error: PlainWords | null = null): void {
    this.state = state;
    this.error = error;
    this.changed({ what: "state" });
  }

  get working(): boolean {
    return this.state === "sending" || this.state === "captioning" || this.state === "busy";
  }

  /// Begins anew: captions of an earlier try are dropped.
  begin(captions: Captions): void {
    this.originals_.clear();
    this.original_track_caption_ = null;
    this.captions = captions;
    this.changed({ what: "captions" });
  }

  add_segment(segment: Segment): void {
    if (!this.captions) return;
    this.captions.segments.push(segment);
    this.changed({ what: "segment", index: this.captions.segments.length - 1 });
  }

  /// The server's whole result. What the user has edited meanwhile stays edited.
  finish(captions: Captions): void {
    const before = this.captions?.segments ?? [];
    this.captions = { ...captions, file: this.name };
    for (const index of this.originals_.keys()) {
      const [edited, fresh] = [before[index], this.captions.segments[index]];
      if (!edited || !fresh) continue;
      this.captions.segments[index] = edited;
      this.originals_.set(index, fresh);
    }
    this.changed({ what: "captions" });
    this.set_state("done");
  }

  /// Captions from a file that was exported before.
  take_import(captions: Captions): void {
    this.begin({ ...captions, file: this.name });
    this.set_state("done");
  }

  /// Sound for captions that came without.
  attach(file: File): void {
    this.file = file;
    this.changed({ what: "file" });
  }

  edit(index: number, text: string): void {
    const segment = this.captions?.segments[index];
    if (segment) this.replace_(index, segment, edit_segment(segment, text));
  }

  choose(index: number, candidate: number): void {
    const segment = this.captions?.segments[index];
    if (segment) this.replace_(index, segment, choose_candidate(segment, candidate));
  }

  restore(index: number): void {
    const original = this.originals_.get(index);
    if (!original || !this.captions) return;
    this.captions.segments[index] = original;
    this.originals_.delete(index);
    this.changed({ what: "segment", index });
  }

  is_edited(index: number): boolean {
    return this.originals_.has(index);
  }

  edit_track_caption(text: string): void {
    if (!this.captions) return;
    this.original_track_caption_ ??= this.captions.track_caption ?? "";
    this.captions.track_caption = one_line(text);
    this.changed({ what: "track_caption" });
  }

  get track_caption_edited(): boolean {
    return this.original_track_caption_ !== null && this.original_track_caption_ !== this.captions?.track_caption;
  }

  restore_track_caption(): void {
    if (!this.captions || this.original_track_caption_ === null) return;
    this.captions.track_caption = this.original_track_caption_;
    this.original_track_caption_ = null;
    this.changed({ what: "track_caption" });
  }

  private replace_(index: number, before: Segment, after: Segment): void {
    if (!this.captions || after === before) return;
    const original = this.originals_.get(index) ?? before;
    this.captions.segments[index] = after;
    if (original.text === after.text) {
      this.captions.segments[index] = original;
      this.originals_.delete(index);
    } else {
      this.originals_.set(index, original);
    }
    this.changed({ what: "segment", index });
  }
}
