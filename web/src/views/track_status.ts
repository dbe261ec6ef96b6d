// The line under the score: how far the captions are, or what went wrong.

import { time_label } from "../captions/timecodes.ts";
import type { Track } from "../captions/track.ts";
import { announce, element, icon } from "./dom.ts";

export interface StatusHandlers {
  stop(track: Track): void;
  again(track: Track): void;
}

export class TrackStatus {
  readonly root = element("div", { class: "status" });
  private announced_ = "";

  private readonly words_ = element("p", { class: "status-words" });
  private readonly detail_ = element("p", { class: "status-detail" });
  private readonly bar_ = element("progress", { "aria-label": "Captioned so far" });
  private readonly stop_: HTMLButtonElement;
  private readonly again_: HTMLButtonElement;

  constructor(
    private readonly track_: Track,
    handlers: StatusHandlers,
  ) {
    this.stop_ = element("button", { type: "button", class: "button", onclick: () => handlers.stop(track_) }, "Stop");
    this.again_ = element("button", { type: "button", class: "button", onclick: () => handlers.again(track_) }, icon("again"), "Try again");
    const text = element("div", { class: "status-text" }, this.words_, this.detail_, this.bar_);
    this.root.append(text, this.stop_, this.again_);
    this.show();
  }

  show(): void {
    const track = this.track_;
    const failed = track.state === "failed";
    this.root.classList.toggle("failed", failed);
    this.root.hidden = track.state === "done";
    this.words_.textContent = status_words(track);
    this.detail_.textContent = track.error?.detail ?? "";
    this.detail_.hidden = this.detail_.textContent === "";
    this.bar_.hidden = !track.working || track.state === "busy";
    if (track.audio_s_known && track.state === "captioning") {
      this.bar_.max = track.audio_s_known;
      this.bar_.value = Math.min(track.audio_s_done, track.audio_s_known);
    } else {
      this.bar_.removeAttribute("value");
    }
    this.stop_.hidden = !track.working && track.state !== "waiting";
    this.again_.hidden = !(track.state === "stopped" || (failed && track.error?.again)) || !track.file;
    this.announce_();
  }

  /// States, not every second of them.
  private announce_(): void {
    const track = this.track_;
    const count = track.captions?.segments.length ?? 0;
    const said: Partial<Record<Track["state"], string>> = {
      captioning: count === 0 ? `Listening to ${track.name}` : `${track.name}: first caption: ${track.captions?.segments[0]?.text ?? ""}`,
      busy: "The server is busy. It is tried again soon.",
      done: `${track.name}: ${count} ${count === 1 ? "caption" : "captions"}. ${track.captions?.track_caption ?? ""}`,
      failed: `${track.name}: ${track.error?.title ?? ""} ${track.error?.detail ?? ""}`,
      stopped: "Stopped.",
    };
    const words = said[track.state] ?? "";
    if (words === "" || words === this.announced_) return;
    this.announced_ = words;
    announce(words);
  }
}

/// One line about a track, for its status and the queue.
export function status_words(track: Track): string {
  switch (track.state) {
    case "waiting":
      return "Waiting for its turn";
    case "sending":
      return "Sending the file";
    case "busy":
      return `The server is busy. Trying again in ${track.retry_in_s} s`;
    case "captioning": {
      if (track.queue_position) return `Number ${track.queue_position} in the server's queue`;
      const known = track.audio_s_known ? ` of ${time_label(Math.round(track.audio_s_known))}` : "";
      return `Listening: ${time_label(Math.floor(track.audio_s_done))}${known}`;
    }
    case "done": {
      const count = track.captions?.segments.length ?? 0;
      return count === 1 ? "1 caption" : `${count} captions`;
    }
    case "stopped":
      return "Stopped";
    case "failed":
      return track.error?.title ?? "Failed";
  }
}
