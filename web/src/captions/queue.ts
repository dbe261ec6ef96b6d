// The files of the page, captioned one after the other.

import type { Client } from "../api/client.ts";
import { ApiError, plain_words } from "../api/errors.ts";
import type { ServerInfo } from "../api/types.ts";
import { Track } from "./track.ts";

const kBusyWait_s = 10;
const kMegabyte = 1024 * 1024;

export type SendCaptions = Pick<Client, "captions">;

export class Queue {
  readonly tracks: Track[] = [];
  limits: ServerInfo["limits"] = {};
  /// Called when a track comes or goes.
  on_change: () => void = () => undefined;

  private running_: { track: Track; stop: AbortController } | null = null;

  /// @param fields gives the request's fields at the moment a file is sent
  constructor(
    private readonly client_: SendCaptions,
    private readonly fields_: () => Record<string, string>,
  ) {}

  add(track: Track): void {
    this.tracks.push(track);
    this.on_change();
    void this.run_();
  }

  remove(track: Track): void {
    this.stop(track);
    const index = this.tracks.indexOf(track);
    if (index >= 0) this.tracks.splice(index, 1);
    this.on_change();
  }

  stop(track: Track): void {
    if (this.running_?.track === track) this.running_.stop.abort();
    else if (track.state === "waiting") track.set_state("stopped");
  }

  again(track: Track): void {
    if (track.working || !track.file) return;
    track.set_state("waiting");
    void this.run_();
  }

  private async run_(): Promise<void> {
    while (!this.running_) {
      const track = this.tracks.find((t) => t.state === "waiting" && t.file);
      if (!track?.file) return;
      this.running_ = { track, stop: new AbortController() };
      try {
        await this.caption_(track, track.file, this.running_.stop.signal);
      } catch (error) {
        const cancelled = error instanceof ApiError && error.kind === "cancelled";
        track.set_state(cancelled ? "stopped" : "failed", cancelled ? null : plain_words(error));
      } finally {
        this.running_ = null;
      }
    }
  }

  /// Tries until the server has room for it.
  private async caption_(track: Track, file: File, signal: AbortSignal): Promise<void> {
    this.check_size_(file);
    for (;;) {
      try {
        track.set_state("sending");
        return await this.send_(track, file, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 429) throw error;
        await this.wait_(track, error.retry_after_s ?? kBusyWait_s, signal);
      }
    }
  }

  private check_size_(file: File): void {
    const limit_mb = this.limits.max_upload_mb;
    if (file.size === 0) throw new ApiError("unsupported", "The file is empty.");
    if (limit_mb === undefined || limit_mb <= 0 || file.size <= limit_mb * kMegabyte) return;
    const size = Math.ceil(file.size / kMegabyte);
    throw new ApiError("too_large", `It has ${size} MB; this server takes ${limit_mb} MB at most.`, 413);
  }

  private async send_(track: Track, file: File, signal: AbortSignal): Promise<void> {
    track.audio_s_done = 0;
    track.queue_position = null;
    const result = await this.client_.captions(file, this.fields_(), {
      start(start) {
        track.audio_s_known = start.duration_s;
        const captions = { file: track.name, duration_s: start.duration_s ?? 0, model: start.model };
        track.begin({ ...captions, segments: [], warnings: [] });
        track.set_state("captioning");
      },
      segment(segment) {
        track.audio_s_done = Math.max(track.audio_s_done, segment.end_s);
        track.queue_position = null;
        track.add_segment(segment);
        track.changed({ what: "state" });
      },
      progress(progress) {
        track.audio_s_done = Math.max(track.audio_s_done, progress.audio_s_done);
        track.audio_s_known = progress.audio_s_known ?? track.audio_s_known;
        track.queue_position = progress.queue_position ?? null;
        track.changed({ what: "state" });
      },
    }, signal);
    track.finish(result);
  }

  /// Counts down a second at a time, so that the page can show it.
  private async wait_(track: Track, seconds: number, signal: AbortSignal): Promise<void> {
    for (track.retry_in_s = Math.max(1, Math.ceil(seconds)); track.retry_in_s > 0; --track.retry_in_s) {
      track.set_state("busy");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
      if (signal.aborted) throw new ApiError("cancelled", "stopped");
    }
  }
}
