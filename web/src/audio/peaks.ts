// The outline of a sound, for drawing.

export const kPeakCount = 1600;

// Decoding in the browser holds the whole sound in memory: about 23 MB a minute at 48 kHz in stereo.
const kLongestDecoded_s = 12 * 60;
const kLargestDecoded_bytes = 64 * 1024 * 1024;
const kLargestOfUnknownLength_bytes = 8 * 1024 * 1024;
const kPeakRate = 8000;

/// Whether the browser should decode a file to draw it; a plain line stands for one that is too long.
export function worth_decoding(size_bytes: number, duration_s: number | null): boolean {
  if (duration_s === null) return size_bytes <= kLargestOfUnknownLength_bytes;
  return duration_s <= kLongestDecoded_s && size_bytes <= kLargestDecoded_bytes;
}

/// The loudness (root mean square over all channels) of each of `count` equal parts, scaled so that the
/// loudest is 1: loud music has a shape in it where its highest samples are all the same. Silence stays 0.
export function peaks_of(channels: readonly Float32Array[], count: number): Float32Array {
  const peaks = new Float32Array(count);
  const length = Math.max(0, ...channels.map((c) => c.length));
  for (const channel of channels) {
    for (let part = 0; part < count; ++part) {
      const begin = Math.floor((part * length) / count);
      const end = Math.floor(((part + 1) * length) / count);
      let power = 0;
      for (let i = begin; i < end; ++i) power += (channel[i] ?? 0) ** 2;
      peaks[part] = (peaks[part] ?? 0) + power / Math.max(1, end - begin);
    }
  }
  peaks.forEach((power, part) => (peaks[part] = Math.sqrt(power)));
  const loudest = peaks.reduce((a, b) => Math.max(a, b), 0);
  return loudest > 0 ? peaks.map((peak) => peak / loudest) : peaks;
}

/// Seconds, from the file's own header; null where the browser cannot play it or it does not say.
export function media_duration(url: string): Promise<number | null> {
  return new Promise((resolve) => {
    const audio = new Audio();
    audio.preload = "metadata";
    const done = (duration_s: number | null) => {
      audio.onerror = null;
      audio.removeAttribute("src"); // the URL may be gone before the element is
      audio.load();
      resolve(duration_s);
    };
    audio.onloadedmetadata = () => done(Number.isFinite(audio.duration) ? audio.duration : null);
    audio.onerror = () => done(null);
    audio.src = url;
  });
}

export interface Outline {
  peaks: Float32Array;
  duration_s: number;
}

/// Null where the browser cannot decode the file.
export async function decode_outline(file: Blob): Promise<Outline | null> {
  try {
    const context = new OfflineAudioContext(1, 1, kPeakRate);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
    return { peaks: peaks_of(channels, kPeakCount), duration_s: sound.duration };
  } catch {
    return null;
  }
}
