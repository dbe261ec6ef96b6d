// Changes a user makes to captions.

import type { Segment } from "../api/types.ts";
import { one_line } from "./formats.ts";

/// The segment with the user's words. Score, tokens and candidates spoke of the model's words: they go.
export function edit_segment(segment: Segment, text: string): Segment {
  const words = one_line(text);
  if (words === segment.text) return segment;
  const { start_s, end_s, time } = segment;
  return { start_s, end_s, time, text: words, score: null, silent: segment.silent && words === "" };
}

/// The segment with another of its candidates on top.
export function choose_candidate(segment: Segment, index: number): Segment {
  const chosen = segment.candidates?.[index];
  if (!chosen || index === 0) return segment;
  const others = (segment.candidates ?? []).filter((_, i) => i !== index);
  return {
    ...segment,
    text: chosen.text,
    score: chosen.score,
    ...(chosen.tokens ? { tokens: chosen.tokens } : {}),
    candidates: [chosen, ...others],
  };
}

/// Index of the segment that sounds at a time: the latest that has begun and not ended. -1 = none.
export function segment_at(segments: readonly Segment[], time_s: number): number {
  for (let i = segments.length - 1; i >= 0; --i) {
    const segment = segments[i];
    if (segment && segment.start_s <= time_s && time_s < segment.end_s) return i;
  }
  return -1;
}
