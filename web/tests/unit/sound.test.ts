import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { peaks_of, worth_decoding } from "../../src/audio/peaks.ts";
import { encode_wav } from "../../src/audio/wav.ts";
import { crc32, distinct_names, zip } from "../../src/captions/zip.ts";

describe("encode_wav", () => {
  it("writes a header that fits the samples, and clips", async () => {
    const bytes = await encode_wav(Float32Array.of(0, 1, -1, 2, 0.5), 16000).arrayBuffer();
    const view = new DataView(bytes);
    assert.equal(bytes.byteLength, 54);
    assert.equal(Buffer.from(bytes, 0, 4).toString(), "RIFF");
    assert.equal(view.getUint32(4, true), 46);
    assert.equal(Buffer.from(bytes, 8, 8).toString(), "WAVEfmt ");
    assert.equal(view.getUint32(24, true), 16000);
    assert.equal(view.getUint32(28, true), 32000);
    assert.equal(view.getUint32(40, true), 10);
    assert.deepEqual([...new Int16Array(bytes.slice(44))], [0, 32767, -32767, 32767, 16384]);
  });
});

describe("peaks_of", () => {
  it("scales the loudest part to 1 and keeps the others in proportion", () => {
    assert.deepEqual([...peaks_of([Float32Array.of(0.25, -0.25, 0.5, -0.5)], 2)], [0.5, 1]);
  });

  it("takes all channels into account", () => {
    const peaks = peaks_of([Float32Array.of(0, 0, 0.5, 0.5), Float32Array.of(0.5, 0.5, 0, 0)], 2);
    assert.deepEqual([...peaks], [1, 1]);
  });

  it("leaves silence at 0, and has parts for fewer samples than asked", () => {
    assert.deepEqual([...peaks_of([new Float32Array(8)], 2)], [0, 0]);
    assert.equal(peaks_of([Float32Array.of(1)], 4).length, 4);
    assert.deepEqual([...peaks_of([], 2)], [0, 0]);
  });
});

describe("worth_decoding", () => {
  it("is not for an hour, nor for a large file, nor for one that may be either", () => {
    const megabyte = 1024 * 1024;
    assert.ok(worth_decoding(10 * megabyte, 10 * 60));
    assert.ok(!worth_decoding(10 * megabyte, 3600));
    assert.ok(!worth_decoding(100 * megabyte, 60));
    assert.ok(worth_decoding(megabyte, null));
    assert.ok(!worth_decoding(10 * megabyte, null));
  });
});

describe("zip", () => {
  it("has the checksum of the standard's example", () => {
    assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  });

  it("gives equal names a number", () => {
    assert.deepEqual(distinct_names(["a.txt", "a.txt", "b", "b", "a.txt"]), ["a.txt", "a (2).txt", "b", "b (2)", "a (3).txt"]);
  });

  it("lists every entry where the end record says", async () => {
    const entries = [{ name: "ä.txt", text: "one" }, { name: "b.txt", text: "" }];
    const view = new DataView(await zip(entries, new Date(2026, 0, 2, 3, 4, 6)).arrayBuffer());
    const end = view.byteLength - 22;
    assert.equal(view.getUint32(end, true), 0x06054b50);
    assert.equal(view.getUint16(end + 10, true), 2);
    const directory = view.getUint32(end + 16, true);
    assert.equal(view.getUint32(directory, true), 0x02014b50);
    assert.equal(directory + view.getUint32(end + 12, true), end);
    assert.equal(view.getUint32(0, true), 0x04034b50);
    assert.equal(view.getUint32(14, true), crc32(new TextEncoder().encode("one")));
  });
});
