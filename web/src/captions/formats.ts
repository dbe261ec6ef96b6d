// Captions as files, equal to what `lpmc caption` writes (lpmc/captioning/format_*.cpp).

import type { Captions, Segment } from "../api/types.ts";
import { lyrics_time, milliseconds, subtitle_time, time_range_label } from "./timecodes.ts";

export type Format = "txt" | "srt" | "vtt" | "lrc" | "csv" | "json" | "caption";

export const kFormats: readonly { format: Format; extension: string; type: string; label: string; hint: string }[] = [
  { format: "txt", extension: "txt", type: "text/plain", label: "Text", hint: "times and captions" },
  { format: "caption", extension: "txt", type: "text/plain", label: "Track caption", hint: "one line, for training" },
  { format: "srt", extension: "srt", type: "application/x-subrip", label: "SubRip", hint: "subtitles" },
  { format: "vtt", extension: "vtt", type: "text/vtt", label: "WebVTT", hint: "subtitles" },
  { format: "lrc", extension: "lrc", type: "text/plain", label: "LRC", hint: "as lyrics" },
  { format: "csv", extension: "csv", type: "text/csv", label: "CSV", hint: "a table" },
  { format: "json", extension: "json", type: "application/json", label: "JSON", hint: "opens here again" },
];

/// One line: runs of blanks one space, none at either end, control characters U+FFFD.
export function one_line(text: string): string {
  return text
    .toWellFormed()
    .replace(/[ \t\r\n]+/g, " ")
    .replace(/^ | $/g, "")
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, "\uFFFD");
}

export function format_captions(captions: Captions, format: Format): string {
  switch (format) {
    case "txt":
      return text_lines(captions);
    case "caption":
      return `${one_line(captions.track_caption ?? "")}\n`;
    case "srt":
      return srt_document(captions);
    case "vtt":
      return vtt_document(captions);
    case "lrc":
      return lrc_document(captions);
    case "csv":
      return csv_document(captions);
    case "json":
      return json_document(captions);
  }
}

/// "song.flac" -> "song.txt"; a name that is only an extension keeps it.
export function sidecar_name(file: string, extension: string): string {
  const name = file.split(/[/\\]/).pop() ?? "";
  const dot = name.lastIndexOf(".");
  return `${(dot > 0 ? name.slice(0, dot) : name) || "captions"}.${extension}`;
}

function text_lines(captions: Captions): string {
  let lines = "";
  for (const segment of captions.segments) {
    const time = time_range_label(segment.start_s, segment.end_s);
    lines += `[${time}] ${segment.silent ? "(silence)" : one_line(segment.text)}\n`;
  }
  if (captions.track_caption) lines += `[track] ${one_line(captions.track_caption)}\n`;
  return lines;
}

interface Cue {
  start_s: number;
  end_s: number;
  line: string;
}

/// A cue must end after it starts, so it lasts a millisecond at least.
function cues(captions: Captions): Cue[] {
  return captions.segments
    .map((s) => ({
      start_s: s.start_s,
      end_s: Math.max(s.end_s, Math.max(s.start_s, 0) + 0.001),
      line: s.silent ? "" : one_line(s.text),
    }))
    .filter((cue) => cue.line !== "");
}

function srt_document(captions: Captions): string {
  return cues(captions)
    .map(({ start_s, end_s, line }, i) => {
      const times = `${subtitle_time(start_s, ",")} --> ${subtitle_time(end_s, ",")}`;
      // The format has no escape; a reader that looks for the arrow must not find one in a caption.
      return `${i + 1}\n${times}\n${line.replaceAll("-->", "- ->")}\n\n`;
    })
    .join("");
}

function vtt_document(captions: Captions): string {
  const head = `WEBVTT\n\nNOTE ${one_line(captions.file).replaceAll("-->", "- ->")}\n\n`;
  return cues(captions).reduce((document, { start_s, end_s, line }) => {
    const escaped = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return `${document}${subtitle_time(start_s, ".")} --> ${subtitle_time(end_s, ".")}\n${escaped}\n\n`;
  }, head);
}

function lrc_document(captions: Captions): string {
  let document = "";
  let shown_until_s: number | null = null;
  for (const { start_s, end_s, line } of cues(captions)) {
    // A player shows a line until the next one: an empty line ends it where a silence follows.
    if (shown_until_s !== null && milliseconds(shown_until_s) < milliseconds(start_s)) {
      document += `[${lyrics_time(shown_until_s)}]\n`;
    }
    document += `[${lyrics_time(start_s)}]${line.replaceAll("[", "(").replaceAll("]", ")")}\n`;
    shown_until_s = end_s;
  }
  return shown_until_s === null ? document : `${document}[${lyrics_time(shown_until_s)}]\n`;
}

/// RFC 4180: quotes where the field holds a separator, a quote or a line end.
function csv_field(text: string): string {
  return /[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv_document(captions: Captions): string {
  const track = captions.track_caption !== undefined;
  const rows = captions.segments.map((s) =>
    [
      csv_field(captions.file),
      json_number(milliseconds(s.start_s) / 1000).replace(/\.0$/, ""),
      json_number(milliseconds(s.end_s) / 1000).replace(/\.0$/, ""),
      time_range_label(s.start_s, s.end_s),
      csv_field(s.text),
      s.score === null ? "" : s.score.toFixed(6),
      String(s.silent),
      ...(track ? [csv_field(captions.track_caption ?? "")] : []),
    ].join(","),
  );
  const head = `file,start_s,end_s,time,text,score,silent${track ? ",track_caption" : ""}`;
  return [head, ...rows, ""].join("\n");
}

/// A whole number with its ".0", as the command line writes it.
function json_number(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : JSON.stringify(value);
}

function segment_json(s: Segment): string {
  const candidates = s.candidates?.map((c) => {
    const tokens = c.tokens ? `,"tokens":${JSON.stringify(c.tokens)}` : "";
    return `{"text":${JSON.stringify(c.text)},"score":${c.score === null ? "null" : json_number(c.score)}${tokens}}`;
  });
  return (
    `{"start_s":${json_number(s.start_s)},"end_s":${json_number(s.end_s)},"time":${JSON.stringify(s.time)},` +
    `"text":${JSON.stringify(s.text)},"score":${s.score === null ? "null" : json_number(s.score)},` +
    `"silent":${s.silent}` +
    (s.tokens ? `,"tokens":${JSON.stringify(s.tokens)}` : "") +
    (candidates ? `,"candidates":[${candidates.join(",")}]` : "") +
    "}"
  );
}

/// The object's members a line each, the segments a line each (docs/caption.schema.json).
function json_document(captions: Captions): string {
  const segments = captions.segments.map((s) => `\n    ${segment_json(s)}`).join(",");
  const members = [
    `"file": ${JSON.stringify(captions.file)}`,
    ...(captions.file_raw === undefined ? [] : [`"file_raw": ${JSON.stringify(captions.file_raw)}`]),
    `"duration_s": ${json_number(captions.duration_s)}`,
    `"model": ${JSON.stringify(captions.model)}`,
    `"segments": [${segments}${segments === "" ? "" : "\n  "}]`,
    ...(captions.track_caption === undefined ? [] : [`"track_caption": ${JSON.stringify(captions.track_caption)}`]),
    `"warnings": ${JSON.stringify(captions.warnings)}`,
  ];
  return `{\n  ${members.join(",\n  ")}\n}\n`;
}
