// Sound from the microphone, as a WAV file.

import { encode_wav } from "./wav.ts";

/// A recording ends by itself after this long.
export const kLongestRecording_s = 10 * 60;

const kRecordingRate = 32_000;

export class Recorder {
  private readonly chunks_: Blob[] = [];
  private readonly recorder_: MediaRecorder;
  private readonly context_: AudioContext;
  private readonly analyser_: AnalyserNode;
  private readonly window_: Float32Array<ArrayBuffer>;
  private readonly started_ms_ = performance.now();

  private constructor(private readonly stream_: MediaStream) {
    this.recorder_ = new MediaRecorder(stream_);
    this.recorder_.ondataavailable = (event) => this.chunks_.push(event.data);
    this.context_ = new AudioContext();
    this.analyser_ = this.context_.createAnalyser();
    this.analyser_.fftSize = 1024;
    this.window_ = new Float32Array(this.analyser_.fftSize);
    this.context_.createMediaStreamSource(stream_).connect(this.analyser_);
    this.recorder_.start(1000);
  }

  /// Throws Error with words for people where there is no microphone or no leave to use it.
  static async start(): Promise<Recorder> {
    if (!navigator.mediaDevices || typeof MediaRecorder === "undefined") {
      throw new Error("Browsers record only on pages from this computer or over HTTPS.");
    }
    try {
      // Music, not speech: nothing is to be cleaned away.
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      return new Recorder(await navigator.mediaDevices.getUserMedia({ audio }));
    } catch (error) {
      throw new Error(microphone_words(error));
    }
  }

  get elapsed_s(): number {
    return (performance.now() - this.started_ms_) / 1000;
  }

  /// Loudness now, 0 to 1.
  level(): number {
    this.analyser_.getFloatTimeDomainData(this.window_);
    const power = this.window_.reduce((sum, x) => sum + x * x, 0) / this.window_.length;
    const decibels = 10 * Math.log10(power + 1e-10);
    return Math.max(0, Math.min(1, (decibels + 60) / 60));
  }

  async stop(name: string): Promise<File> {
    const stopped = new Promise((resolve) => (this.recorder_.onstop = resolve));
    this.recorder_.stop();
    await stopped;
    this.close_();
    const recorded = new Blob(this.chunks_, { type: this.recorder_.mimeType });
    const decoder = new OfflineAudioContext(1, 1, kRecordingRate);
    const sound = await decoder.decodeAudioData(await recorded.arrayBuffer());
    const wav = encode_wav(sound.getChannelData(0), sound.sampleRate);
    return new File([wav], `${name}.wav`, { type: "audio/wav" });
  }

  cancel(): void {
    this.recorder_.onstop = null;
    this.recorder_.stop();
    this.close_();
  }

  private close_(): void {
    for (const track of this.stream_.getTracks()) track.stop();
    void this.context_.close();
  }
}

function microphone_words(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "The browser was not allowed to use the microphone. Allow it beside the address, then try again.";
    case "NotFoundError":
      return "No microphone was found.";
    case "NotReadableError":
      return "The microphone is in use by another program.";
    default:
      return "The microphone could not be started.";
  }
}
