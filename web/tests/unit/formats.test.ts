import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import type { Captions } from "../../src/api/types.ts";
import { edit_segment } from "../../src/captions/edit.ts";
import { type Format, format_captions, one_line, sidecar_name } from "../../src/captions/formats.ts";
import { import_captions } from "../../src/captions/import.ts";
import { lyrics_time, subtitle_time, time_label } from "../../src/captions/timecodes.ts";

/// tests/data holds what `lpmc caption --track --format …` wrote for samples/metal_madness_30s.ogg.
function data(name: string): string {
  return readFileSync(`tests/data/${name}`, "utf8");
}

function sample(name = "metal_madness_30s.json"): Captions {
  const captions = import_captions(data(name))[0];
  assert.ok(captions);
  return captions;
}

function made(...texts: string[]): Captions {
  const segments = texts.map((text, i) => ({
    start_s: i * 10, end_s: i * 10 + 10, time: "", text, score: -0.5, silent: text === "",
  }));
  return { file: "a.mp3", duration_s: texts.length * 10, model: "m", segments, warnings: [] };
}

describe("format_captions", () => {
  for (const format of ["txt", "srt", "vtt", "lrc", "csv", "json"] satisfies Format[]) {
    it(`writes ${format} byte for byte as the command line does`, () => {
      assert.equal(format_captions(sample(), format), data(`metal_madness_30s.${format}`));
    });
  }

  it("writes candidates and tokens byte for byte as the command line does", () => {
    const name = "metal_madness_30s_3_best.json";
    assert.equal(format_captions(sample(name), "json"), data(name));
  });

  it("writes the track caption alone as one line", () => {
    const captions = { ...made("x"), track_caption: " two\n lines " };
    assert.equal(format_captions(captions, "caption"), "two lines\n");
  });

  it("keeps markup, arrows and brackets from being read as the format's own", () => {
    const captions = made("a --> b <i>&", "[1] x");
    assert.match(format_captions(captions, "vtt"), /a --&gt; b &lt;i&gt;&amp;\n/);
    assert.match(format_captions(captions, "srt"), /a - -> b <i>&\n/);
    assert.match(format_captions(captions, "lrc"), /\[00:10\.00\]\(1\) x\n/);
    assert.match(format_captions(made('say "hi", you'), "csv"), /,"say ""hi"", you",/);
  });

  it("leaves silence out of subtitles, ends the line before it in lrc, and names it in text", () => {
    const captions = made("a", "", "b");
    assert.equal(format_captions(captions, "srt").match(/-->/g)?.length, 2);
    assert.equal(format_captions(captions, "lrc"), "[00:00.00]a\n[00:10.00]\n[00:20.00]b\n[00:30.00]\n");
    assert.match(format_captions(captions, "txt"), /\] \(silence\)\n/);
  });
});

describe("export and import", () => {
  it("gives back every edit", () => {
    const captions = sample("metal_madness_30s_3_best.json");
    captions.segments = captions.segments.map((s, i) => (i === 1 ? edit_segment(s, 'my "words"\n\u2028 über\t') : s));
    captions.track_caption = "mine";
    assert.deepEqual(import_captions(format_captions(captions, "json")), [captions]);
    assert.equal(captions.segments[1]?.score, null);
    assert.equal(captions.segments[1]?.candidates, undefined);
    assert.equal(captions.segments[0]?.candidates?.length, 3);
  });

  it("reads several captions: an array, or one a line", () => {
    const one = JSON.stringify(sample());
    assert.equal(import_captions(`[${one},${one}]`).length, 2);
    assert.equal(import_captions(`${one}\n${one}\n\n`).length, 2);
  });

  it("says in plain words what is wrong with other files", () => {
    assert.throws(() => import_captions("not json"), /not JSON/);
    assert.throws(() => import_captions("{}"), /holds no captions/);
    assert.throws(() => import_captions("[]"), /no captions/);
    assert.throws(() => import_captions('{"segments":[{"start_s":5,"end_s":1,"text":""}]}'), /Segment 1: expected times/);
    assert.throws(() => import_captions('{"segments":[{"start_s":0,"end_s":1}]}'), /Segment 1: expected a text/);
    assert.throws(() => import_captions('{"segments":[null]}'), /Segment 1: expected an object/);
  });

  it("takes nothing over that has the wrong type", () => {
    const segment = '{"start_s":0,"end_s":1,"text":"a","score":"high","tokens":["x"],"candidates":[1,{"text":"a"}]}';
    const captions = import_captions(`{"file":7,"warnings":[1,"w"],"segments":[${segment}]}`)[0];
    assert.deepEqual(captions, {
      file: "captions", duration_s: 1, model: "", warnings: ["w"],
      segments: [
        { start_s: 0, end_s: 1, time: "0:00-0:01", text: "a", score: null, silent: false, candidates: [{ text: "a", score: null }] },
      ],
    });
  });
});

describe("names, lines and times", () => {
  it("names sidecars after the file", () => {
    assert.equal(sidecar_name("my.song.flac", "txt"), "my.song.txt");
    assert.equal(sidecar_name("folder/song.flac", "srt"), "song.srt");
    assert.equal(sidecar_name("noextension", "txt"), "noextension.txt");
    assert.equal(sidecar_name(".hidden", "txt"), ".hidden.txt");
    assert.equal(sidecar_name("", "txt"), "captions.txt");
  });

  it("makes one line of any text", () => {
    assert.equal(one_line("  a\r\n\tb\u0007c  "), "a b\uFFFDc");
    assert.equal(one_line("\uD800"), "\uFFFD");
  });

  it("writes times as the command line does", () => {
    assert.equal(time_label(5), "0:05");
    assert.equal(time_label(5.5), "0:05.5");
    assert.equal(time_label(3723), "1:02:03");
    assert.equal(time_label(Number.NaN), "0:00");
    assert.equal(time_label(-1), "0:00");
    assert.equal(subtitle_time(3723.0456, ","), "01:02:03,046");
    assert.equal(subtitle_time(59.9996, "."), "00:01:00.000");
    assert.equal(lyrics_time(6000.005), "100:00.01");
  });
});
