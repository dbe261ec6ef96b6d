// Tags as people type and paste them.

/// "a, b;c\n'd'" -> a, b, c, d: trimmed, without quotes or brackets of a pasted list, none empty.
export function split_tags(text: string): string[] {
  return text
    .split(/[,;\n]/)
    .map((tag) => tag.trim().replace(/^[[('"\s]+|[\])'"\s]+$/g, "").replace(/\s+/g, " "))
    .filter((tag) => tag !== "");
}

/// The tags with new ones at the end, each once, whatever its case.
export function add_tags(tags: readonly string[], added: readonly string[]): string[] {
  const all = [...tags];
  const known = new Set(tags.map((tag) => tag.toLowerCase()));
  for (const tag of added) {
    if (known.has(tag.toLowerCase())) continue;
    known.add(tag.toLowerCase());
    all.push(tag);
  }
  return all;
}
