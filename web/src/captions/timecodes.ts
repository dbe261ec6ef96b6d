// Times as people and subtitle players write them, equal to `lpmc caption`'s (lpmc/captioning/timecodes.h).
// Every function takes seconds; what is negative or not a number counts as 0.

function units(seconds: number, per_second: number): number {
  return seconds > 0 ? Math.round(Math.min(seconds, 1e12) * per_second) : 0;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

export function milliseconds(seconds: number): number {
  return units(seconds, 1000);
}

/// "0:05", "0:05.5", "1:02:03"
export function time_label(seconds: number): string {
  const tenths = units(seconds, 10);
  const whole = Math.floor(tenths / 10);
  const minutes = Math.floor(whole / 60);
  const label =
    whole < 3600
      ? `${minutes}:${two(whole % 60)}`
      : `${Math.floor(whole / 3600)}:${two(minutes % 60)}:${two(whole % 60)}`;
  return tenths % 10 === 0 ? label : `${label}.${tenths % 10}`;
}

/// "0:00-0:10"
export function time_range_label(start_s: number, end_s: number): string {
  return `${time_label(start_s)}-${time_label(end_s)}`;
}

/// "HH:MM:SS,mmm": the mark is ',' in srt and '.' in vtt.
export function subtitle_time(seconds: number, decimal_mark: string): string {
  const ms = milliseconds(seconds);
  const whole = Math.floor(ms / 1000);
  const fraction = String(ms % 1000).padStart(3, "0");
  return `${two(whole / 3600)}:${two((whole / 60) % 60)}:${two(whole % 60)}${decimal_mark}${fraction}`;
}

/// "mm:ss.xx"
export function lyrics_time(seconds: number): string {
  const hundredths = units(seconds, 100);
  return `${two(hundredths / 6000)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}
