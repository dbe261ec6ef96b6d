// What the server sends and takes; see /openapi.json.

export interface Candidate {
  text: string;
  score: number | null;
  tokens?: number[];
}

export interface Segment {
  start_s: number;
  end_s: number;
  time: string;
  text: string;
  score: number | null;
  silent: boolean;
  tokens?: number[];
  candidates?: Candidate[];
}

/// The captions of one file, as `lpmc caption --format json` gives them.
export interface Captions {
  file: string;
  file_raw?: string;
  duration_s: number;
  model: string;
  segments: Segment[];
  track_caption?: string;
  warnings: string[];
}

export interface Model {
  id: string;
  dtype?: string;
  segment_duration_s?: number;
  has_vocabulary?: boolean;
  generation?: Record<string, number | boolean>;
  license?: string;
}

export interface ServerInfo {
  default: string;
  models: Model[];
  language_model: { name: string; kind: string } | null;
  limits: { max_upload_mb?: number; max_duration_s?: number };
}

export interface StreamStart {
  file: string;
  model: string;
  segment_duration_s: number;
  duration_s: number | null;
}

export interface StreamProgress {
  audio_s_done: number;
  audio_s_known: number | null;
  queue_position?: number | null;
}

export interface TagCaption {
  prompt: string;
  query: string;
  caption: string;
  attributes?: string[];
  valid: boolean;
  notes: string[];
}

export interface TagCaptions {
  model: string;
  results: TagCaption[];
}
