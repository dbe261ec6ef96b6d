// A zip archive of stored (not compressed) files: captions are small.

export interface ZipEntry {
  name: string;
  text: string;
}

const kCrcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; ++bit) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (kCrcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/// Gives every entry a name of its own: "song.txt", "song (2).txt".
export function distinct_names(names: string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const dot = name.lastIndexOf(".");
    let candidate = name;
    for (let n = 2; taken.has(candidate); ++n) {
      candidate = dot > 0 ? `${name.slice(0, dot)} (${n})${name.slice(dot)}` : `${name} (${n})`;
    }
    taken.add(candidate);
    return candidate;
  });
}

class Bytes {
  readonly parts: Uint8Array<ArrayBuffer>[] = [];
  size = 0;

  add(bytes: Uint8Array<ArrayBuffer>): void {
    this.parts.push(bytes);
    this.size += bytes.length;
  }

  /// Little-endian numbers, each of a width in bytes.
  numbers(...fields: [value: number, width: 2 | 4][]): void {
    const bytes = new Uint8Array(fields.reduce((sum, [, width]) => sum + width, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [value, width] of fields) {
      if (width === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += width;
    }
    this.add(bytes);
  }
}

const kVersion = 20;
const kUtf8Names = 0x0800;

/// MS-DOS date and time, as the format wants them.
function dos_time(date: Date): [time: number, day: number] {
  return [
    (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1),
    ((Math.max(date.getFullYear(), 1980) - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate(),
  ];
}

/// Source: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
export function zip(entries: ZipEntry[], date: Date): Blob {
  const encoder = new TextEncoder();
  const body = new Bytes();
  const directory = new Bytes();
  const [time, day] = dos_time(date);
  for (const entry of entries) {
    const name = encoder.encode(entry.name);
    const data = encoder.encode(entry.text);
    const offset = body.size;
    const shared: [number, 2 | 4][] = [
      [kVersion, 2], [kUtf8Names, 2], [0, 2], [time, 2], [day, 2],
      [crc32(data), 4], [data.length, 4], [data.length, 4], [name.length, 2], [0, 2],
    ];
    body.numbers([0x04034b50, 4], ...shared);
    body.add(name);
    body.add(data);
    directory.numbers([0x02014b50, 4], [kVersion, 2], ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.add(name);
  }
  const count = entries.length;
  const end = new Bytes();
  end.numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [directory.size, 4], [body.size, 4], [0, 2]);
  return new Blob([...body.parts, ...directory.parts, ...end.parts], { type: "application/zip" });
}
