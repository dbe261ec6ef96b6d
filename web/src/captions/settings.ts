// How captions are made: the drawer's values, and the request fields they become.

import type { Model, ServerInfo } from "../api/types.ts";

export interface NumberSetting {
  name: string;
  label: string;
  help: string;
  min: number;
  max: number;
  step: number;
  /// Where the model says nothing.
  fallback: number;
  group: "search" | "sampling" | "audio";
}

export const kNumberSettings: readonly NumberSetting[] = [
  { name: "num_beams", label: "Beams", group: "search", min: 1, max: 10, step: 1, fallback: 5,
    help: "Wordings followed at once. More is slower and a little surer." },
  { name: "n_best", label: "Alternatives", group: "search", min: 1, max: 10, step: 1, fallback: 1,
    help: "Captions given for each segment, best first; at most as many as beams." },
  { name: "max_length", label: "Longest caption", group: "search", min: 8, max: 128, step: 1, fallback: 128,
    help: "In tokens, about three quarters of a word each." },
  { name: "no_repeat_ngram", label: "No repeats of", group: "search", min: 0, max: 10, step: 1, fallback: 3,
    help: "Runs of this many tokens occur once. 0 switches it off." },
  { name: "length_penalty", label: "Length penalty", group: "search", min: -2, max: 4, step: 0.1, fallback: 1,
    help: "Over 1 favours longer captions." },
  { name: "temperature", label: "Temperature", group: "sampling", min: 0.1, max: 2, step: 0.05, fallback: 1,
    help: "Under 1 stays close to the likeliest words, over 1 wanders." },
  { name: "top_p", label: "Top p", group: "sampling", min: 0.05, max: 1, step: 0.05, fallback: 1,
    help: "Keeps the likeliest words that together reach this share." },
  { name: "top_k", label: "Top k", group: "sampling", min: 0, max: 200, step: 1, fallback: 50,
    help: "Keeps this many likeliest words. 0 keeps all." },
  { name: "seed", label: "Seed", group: "sampling", min: 0, max: 1_000_000, step: 1, fallback: 0,
    help: "The same seed gives the same captions." },
  { name: "hop", label: "New segment every", group: "audio", min: 0, max: 60, step: 0.5, fallback: 0,
    help: "Seconds between segment starts. 0 takes the model's own length." },
  { name: "start", label: "Start at", group: "audio", min: 0, max: 36_000, step: 1, fallback: 0,
    help: "Seconds into the file." },
  { name: "duration", label: "Only the next", group: "audio", min: 0, max: 36_000, step: 1, fallback: 0,
    help: "Seconds of the file. 0 takes all." },
];

const kStorageName = "lpmc.settings";

export interface Settings {
  model: string | null;
  sample: boolean;
  drop_tail: boolean;
  numbers: Record<string, number>;
}

export function default_settings(): Settings {
  return { model: null, sample: false, drop_tail: false, numbers: {} };
}

/// What the chosen model uses where the user chose nothing.
export function default_number(setting: NumberSetting, model: Model | undefined): number {
  const value = model?.generation?.[setting.name];
  return typeof value === "number" ? value : setting.fallback;
}

export function chosen_model(settings: Settings, server: ServerInfo | null): Model | undefined {
  const id = settings.model ?? server?.default;
  return server?.models.find((model) => model.id === id) ?? server?.models[0];
}

/// Only what differs from the defaults, so that the server's own choices hold.
export function request_fields(settings: Settings): Record<string, string> {
  const fields: Record<string, string> = { track: "true" };
  if (settings.model !== null) fields["model"] = settings.model;
  if (settings.sample) fields["sample"] = "true";
  if (settings.drop_tail) fields["tail"] = "drop";
  for (const setting of kNumberSettings) {
    const value = settings.numbers[setting.name];
    if (value === undefined || (setting.group === "sampling" && !settings.sample)) continue;
    fields[setting.name] = String(value);
  }
  return fields;
}

/// Keeps what makes sense of stored or typed values.
export function checked_settings(value: unknown): Settings {
  const settings = default_settings();
  if (typeof value !== "object" || value === null) return settings;
  const stored = value as Record<string, unknown>;
  if (typeof stored["model"] === "string") settings.model = stored["model"];
  settings.sample = stored["sample"] === true;
  settings.drop_tail = stored["drop_tail"] === true;
  const numbers = (stored["numbers"] ?? {}) as Record<string, unknown>;
  for (const { name, min, max } of kNumberSettings) {
    const number = numbers[name];
    if (typeof number === "number" && number >= min && number <= max) settings.numbers[name] = number;
  }
  return settings;
}

export function load_settings(): Settings {
  try {
    return checked_settings(JSON.parse(localStorage.getItem(kStorageName) ?? "null"));
  } catch {
    return default_settings();
  }
}

export function save_settings(settings: Settings): void {
  try {
    localStorage.setItem(kStorageName, JSON.stringify(settings));
  } catch {
    // Storage is switched off: the settings last as long as the page.
  }
}
