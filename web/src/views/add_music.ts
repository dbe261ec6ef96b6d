// The ways music comes in: dropped, chosen, recorded; and captions that were exported before.

import { kLongestRecording_s, Recorder } from "../audio/recorder.ts";
import { time_label } from "../captions/timecodes.ts";
import { announce, by_id } from "./dom.ts";

export interface AddMusicHandlers {
  files(files: File[]): void;
  problem(title: string, detail: string): void;
}

export function set_up_add_music(handlers: AddMusicHandlers): void {
  set_up_choose(handlers);
  set_up_drop(handlers);
  new RecordButton(handlers);
}

function set_up_choose(handlers: AddMusicHandlers): void {
  const input = by_id<HTMLInputElement>("file-input");
  by_id("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    handlers.files([...(input.files ?? [])]);
    input.value = ""; // the same file may come again
  });
}

/// The whole page takes what is dropped.
function set_up_drop(handlers: AddMusicHandlers): void {
  const page = document.documentElement;
  let depth = 0;
  const over = (on: boolean) => page.classList.toggle("dropping", on);
  const has_files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => {
    if (!has_files(event)) return;
    event.preventDefault();
    over(++depth > 0);
  });
  addEventListener("dragover", (event) => {
    if (has_files(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (has_files(event)) over(--depth > 0);
  });
  addEventListener("drop", (event) => {
    if (!has_files(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    handlers.files([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) handlers.files(files);
  });
}

class RecordButton {
  private readonly button_ = by_id<HTMLButtonElement>("record");
  private readonly label_ = by_id("record-label");
  private readonly meter_ = by_id("record-meter");
  private recorder_: Recorder | null = null;
  private count_ = 0;
  private busy_ = false;

  constructor(private readonly handlers_: AddMusicHandlers) {
    this.button_.addEventListener("click", () => void this.press_());
  }

  private async press_(): Promise<void> {
    if (this.busy_) return;
    this.busy_ = true;
    try {
      if (this.recorder_) await this.finish_(this.recorder_);
      else await this.begin_();
    } catch (error) {
      this.handlers_.problem("Recording did not work.", error instanceof Error ? error.message : String(error));
    } finally {
      this.busy_ = false;
    }
  }

  private async begin_(): Promise<void> {
    const recorder = await Recorder.start();
    this.recorder_ = recorder;
    this.button_.classList.add("recording");
    this.button_.setAttribute("aria-pressed", "true");
    announce("Recording");
    this.tick_();
  }

  private tick_(): void {
    const recorder = this.recorder_;
    if (!recorder) return;
    const elapsed_s = recorder.elapsed_s;
    const label = `Stop recording ${time_label(Math.floor(elapsed_s))}`;
    if (this.label_.textContent !== label) this.label_.textContent = label;
    this.meter_.style.setProperty("--level", String(recorder.level()));
    if (elapsed_s >= kLongestRecording_s) void this.press_();
    else requestAnimationFrame(() => this.tick_());
  }

  private async finish_(recorder: Recorder): Promise<void> {
    this.recorder_ = null;
    this.button_.classList.remove("recording");
    this.button_.setAttribute("aria-pressed", "false");
    this.label_.textContent = "Record";
    this.meter_.style.removeProperty("--level");
    announce("Recording ended");
    this.handlers_.files([await recorder.stop(`Recording ${++this.count_}`)]);
  }
}
