// The sound drawn as a score: wavesurfer.js for the outline and the cursor, a bar for each segment.

import WaveSurfer from "wavesurfer.js";
import RegionsPlugin, { type Region } from "wavesurfer.js/plugins/regions";

import type { Segment } from "../api/types.ts";
import { decode_outline, kPeakCount, media_duration, worth_decoding } from "./peaks.ts";
import shadow_css from "./waveform_shadow.css?inline";

const kHeight_px = 112;
const kNarrowestLabel_px = 30;
const kSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export interface WaveformHandlers {
  time(seconds: number): void;
  playing(playing: boolean): void;
  segment_clicked(index: number): void;
}

export class Waveform {
  duration_s = 0;
  /// Whether there is a sound that this browser plays.
  playable = false;
  /// Whether what was asked for last is drawn.
  ready = false;

  private readonly audio_ = new Audio();
  private readonly wave_: WaveSurfer;
  private readonly regions_: InstanceType<typeof RegionsPlugin>;
  private readonly bars_: Region[] = [];
  private url_: string | null = null;
  private probe_: Promise<unknown> = Promise.resolve();
  private closed_ = false;

  constructor(
    private readonly container_: HTMLElement,
    private readonly handlers_: WaveformHandlers,
  ) {
    this.regions_ = RegionsPlugin.create();
    this.wave_ = WaveSurfer.create({
      container: container_,
      media: this.audio_,
      height: kHeight_px,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      barMinHeight: 1,
      cursorWidth: 2,
      dragToSeek: true,
      hideScrollbar: true,
      plugins: [this.regions_],
      ...this.colors_(),
    });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(shadow_css);
    const root = this.wave_.getWrapper().getRootNode();
    if (root instanceof ShadowRoot) root.adoptedStyleSheets.push(sheet);
    // While the sound is being moved it still tells where it was: the mark would jump back.
    this.wave_.on("timeupdate", (seconds) => this.audio_.seeking || handlers_.time(seconds));
    this.wave_.on("seeking", (seconds) => handlers_.time(seconds));
    this.wave_.on("play", () => handlers_.playing(true));
    this.wave_.on("pause", () => handlers_.playing(false));
    this.wave_.on("finish", () => handlers_.playing(false));
    this.wave_.on("error", () => (this.playable = false));
    this.regions_.on("region-clicked", (region, event) => {
      event.stopPropagation();
      handlers_.segment_clicked(Number(region.id));
    });
  }

  /// Draws a file's outline, or a plain line for one that is long, unreadable here, or absent.
  async load(file: File | null, known_duration_s: number): Promise<void> {
    this.ready = false;
    this.release_();
    const url = file ? URL.createObjectURL(file) : null;
    this.url_ = url;
    const probe = url ? media_duration(url) : Promise.resolve(null);
    this.probe_ = probe;
    const media_s = await probe;
    if (this.closed_ || this.url_ !== url) return;
    this.playable = media_s !== null;
    const outline = file && worth_decoding(file.size, media_s ?? (known_duration_s || null)) ? await decode_outline(file) : null;
    if (this.closed_ || this.url_ !== url) return;
    this.duration_s = media_s ?? outline?.duration_s ?? known_duration_s;
    this.playable ||= outline !== null;
    const peaks = outline?.peaks ?? new Float32Array(kPeakCount).fill(0.02);
    await this.wave_.load(this.playable && url ? url : "", [peaks], Math.max(this.duration_s, 0.001)).catch(() => undefined);
    this.ready = true;
  }

  set_segments(segments: readonly Segment[]): void {
    if (!this.ready) return;
    while (this.bars_.length > segments.length) this.bars_.pop()?.remove();
    for (let i = this.bars_.length; i < segments.length; ++i) {
      const segment = segments[i];
      if (!segment) continue;
      const label = document.createElement("span");
      label.textContent = String(i + 1);
      this.bars_.push(
        this.regions_.addRegion({
          id: String(i),
          start: segment.start_s,
          end: Math.min(segment.end_s, this.duration_s),
          color: "transparent",
          content: label,
          drag: false,
          resize: false,
        }),
      );
    }
    this.thin_out_bars_();
  }

  mark(index: number): void {
    this.bars_.forEach((bar, i) => bar.element?.part.toggle("playing", i === index));
  }

  /// Plays on from a time, or to `end_s` where it is given.
  async play(start_s?: number, end_s?: number): Promise<void> {
    if (this.playable) await this.wave_.play(start_s, end_s).catch(() => undefined);
  }

  pause(): void {
    this.wave_.pause();
  }

  get playing(): boolean {
    return this.wave_.isPlaying();
  }

  get time_s(): number {
    return this.wave_.getCurrentTime();
  }

  seek(seconds: number): void {
    const to_s = Math.max(0, Math.min(seconds, this.duration_s));
    this.wave_.setTime(to_s);
    this.handlers_.time(to_s);
  }

  /// After the theme has changed.
  repaint(): void {
    this.wave_.setOptions(this.colors_());
  }

  close(): void {
    this.closed_ = true;
    this.wave_.destroy();
    this.release_();
  }

  private release_(): void {
    if (this.url_) {
      this.audio_.removeAttribute("src");
      this.audio_.load();
      const url = this.url_;
      void this.probe_.finally(() => URL.revokeObjectURL(url)); // not while it is still being read
    }
    this.url_ = null;
    this.bars_.length = 0;
    this.regions_.clearRegions();
  }

  /// Canvases know no custom properties.
  private colors_(): { waveColor: string; progressColor: string; cursorColor: string } {
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    return { waveColor: color("--wave"), progressColor: color("--wave-played"), cursorColor: color("--ink") };
  }

  /// Draws and numbers as many bars as have room for it: all, or every second, fifth, tenth, ...
  private thin_out_bars_(): void {
    const shortest_s = this.duration_s / Math.max(1, this.bars_.length);
    const bar_px = (this.container_.clientWidth * shortest_s) / Math.max(this.duration_s, 0.001);
    const every = kSteps.find((step) => step * bar_px >= kNarrowestLabel_px) ?? Math.max(1, this.bars_.length);
    this.bars_.forEach((bar, i) => {
      const numbered = i === 0 || every === 1 || ((i + 1) % every === 0 && (this.bars_.length - i) * bar_px >= kNarrowestLabel_px);
      if (bar.content) bar.content.hidden = !numbered;
      bar.element?.part.toggle("numbered", numbered);
    });
  }
}
