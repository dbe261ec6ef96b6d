// Reads captions back from a JSON file: the page's own export, or `lpmc caption --format json` or jsonl.

import type { Candidate, Captions, Segment } from "../api/types.ts";
import { time_range_label } from "./timecodes.ts";

/// All captions in the text. Throws Error with words for people where it holds something else.
export function import_captions(text: string): Captions[] {
  const values = parse(text);
  if (values.length === 0) throw new Error("There are no captions in this file.");
  return values.map((value, i) => captions_of(value, values.length > 1 ? `Entry ${i + 1}: ` : ""));
}

function parse(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    // Not one value: perhaps one a line.
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  try {
    return lines.map((line) => JSON.parse(line) as unknown);
  } catch {
    throw new Error("This file is not JSON, or it is cut off.");
  }
}

function is_object(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function captions_of(value: unknown, where: string): Captions {
  if (!is_object(value) || !Array.isArray(value["segments"])) {
    throw new Error(`${where}This JSON holds no captions: expected an object with "segments".`);
  }
  const segments = value["segments"].map((s, i) => segment_of(s, `${where}Segment ${i + 1}: `));
  const last = segments.at(-1);
  const warnings = Array.isArray(value["warnings"]) ? value["warnings"] : [];
  return {
    file: typeof value["file"] === "string" ? value["file"] : "captions",
    ...(typeof value["file_raw"] === "string" ? { file_raw: value["file_raw"] } : {}),
    duration_s: is_time(value["duration_s"]) ? value["duration_s"] : (last?.end_s ?? 0),
    model: typeof value["model"] === "string" ? value["model"] : "",
    segments,
    ...(typeof value["track_caption"] === "string" ? { track_caption: value["track_caption"] } : {}),
    warnings: warnings.filter((w) => typeof w === "string"),
  };
}

function is_time(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function segment_of(value: unknown, where: string): Segment {
  if (!is_object(value)) throw new Error(`${where}expected an object.`);
  const { start_s, end_s, text } = value;
  if (!is_time(start_s) || !is_time(end_s) || end_s < start_s) {
    throw new Error(`${where}expected times with start_s before end_s.`);
  }
  if (typeof text !== "string") throw new Error(`${where}expected a text.`);
  const candidates = value["candidates"];
  return {
    start_s,
    end_s,
    time: time_range_label(start_s, end_s),
    text,
    score: score_of(value["score"]),
    silent: value["silent"] === true,
    ...(is_tokens(value["tokens"]) ? { tokens: value["tokens"] } : {}),
    ...(Array.isArray(candidates) ? { candidates: candidates.flatMap(candidate_of) } : {}),
  };
}

function score_of(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function is_tokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((token) => Number.isInteger(token));
}

function candidate_of(value: unknown): Candidate[] {
  if (!is_object(value) || typeof value["text"] !== "string") return [];
  return [
    {
      text: value["text"],
      score: score_of(value["score"]),
      ...(is_tokens(value["tokens"]) ? { tokens: value["tokens"] } : {}),
    },
  ];
}
