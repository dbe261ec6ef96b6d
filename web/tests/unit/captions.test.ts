import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Captions, Segment } from "../../src/api/types.ts";
import { choose_candidate, edit_segment, segment_at } from "../../src/captions/edit.ts";
import { checked_settings, default_settings, request_fields } from "../../src/captions/settings.ts";
import { add_tags, split_tags } from "../../src/captions/tags.ts";
import { Track } from "../../src/captions/track.ts";

function segment(start_s: number, end_s: number, text = "text"): Segment {
  return { start_s, end_s, time: "", text, score: -1, silent: false };
}

function captions(...segments: Segment[]): Captions {
  return { file: "server's name", duration_s: 30, model: "m", segments, track_caption: "track", warnings: [] };
}

describe("segment_at", () => {
  it("finds the segment that sounds, the latest where they overlap", () => {
    const segments = [segment(0, 10), segment(5, 15), segment(20, 30)];
    assert.equal(segment_at(segments, 0), 0);
    assert.equal(segment_at(segments, 5), 1);
    assert.equal(segment_at(segments, 12), 1);
    assert.equal(segment_at(segments, 17), -1);
    assert.equal(segment_at(segments, 29.99), 2);
    assert.equal(segment_at(segments, 30), -1);
  });
});

describe("edits", () => {
  it("drops what spoke of the model's words, and nothing when the words stay", () => {
    const before = { ...segment(0, 10), tokens: [1], candidates: [{ text: "text", score: -1 }] };
    assert.equal(edit_segment(before, " text "), before);
    assert.deepEqual(edit_segment(before, "mine"), { start_s: 0, end_s: 10, time: "", text: "mine", score: null, silent: false });
  });

  it("words make silence a segment like others", () => {
    const silence = { ...segment(0, 10, ""), score: null, silent: true };
    assert.equal(edit_segment(silence, "birds").silent, false);
  });

  it("puts another candidate on top and keeps the others", () => {
    const before = { ...segment(0, 10, "a"), candidates: [{ text: "a", score: -1 }, { text: "b", score: -2 }, { text: "c", score: -3 }] };
    const after = choose_candidate(before, 2);
    assert.equal(after.text, "c");
    assert.equal(after.score, -3);
    assert.deepEqual(after.candidates?.map((c) => c.text), ["c", "a", "b"]);
    assert.equal(choose_candidate(before, 9), before);
  });
});

describe("Track", () => {
  it("takes an edit back", () => {
    const track = new Track("a.mp3", null);
    track.take_import(captions(segment(0, 10)));
    track.edit(0, "mine");
    track.edit(0, "mine again");
    assert.ok(track.is_edited(0));
    track.restore(0);
    assert.ok(!track.is_edited(0));
    assert.deepEqual(track.captions?.segments[0], segment(0, 10));
    track.edit_track_caption("other");
    assert.ok(track.track_caption_edited);
    track.restore_track_caption();
    assert.equal(track.captions?.track_caption, "track");
  });

  it("typing the model's words again is no edit, and the score is back", () => {
    const track = new Track("a.mp3", null);
    track.take_import(captions(segment(0, 10)));
    track.edit(0, "mine");
    track.edit(0, "text");
    assert.ok(!track.is_edited(0));
    assert.equal(track.captions?.segments[0]?.score, -1);
  });

  it("keeps edits made while captions were still coming", () => {
    const track = new Track("a.mp3", null);
    track.begin({ file: "a.mp3", duration_s: 0, model: "m", segments: [], warnings: [] });
    track.add_segment(segment(0, 10, "one"));
    track.edit(0, "mine");
    track.finish(captions(segment(0, 10, "one"), segment(10, 20, "two")));
    assert.deepEqual(track.captions?.segments.map((s) => s.text), ["mine", "two"]);
    assert.equal(track.captions?.file, "a.mp3");
    assert.equal(track.state, "done");
    track.restore(0);
    assert.equal(track.captions?.segments[0]?.text, "one");
  });
});

describe("settings", () => {
  it("sends only what differs from the defaults", () => {
    assert.deepEqual(request_fields(default_settings()), { track: "true" });
    const settings = { model: "big", sample: false, drop_tail: true, numbers: { num_beams: 3, temperature: 0.5 } };
    assert.deepEqual(request_fields(settings), { track: "true", model: "big", tail: "drop", num_beams: "3" });
    assert.equal(request_fields({ ...settings, sample: true })["temperature"], "0.5");
  });

  it("keeps of stored values what makes sense", () => {
    const stored = { model: 3, sample: "yes", numbers: { num_beams: 3, top_k: -1, temperature: "hot", unknown: 1 } };
    assert.deepEqual(checked_settings(stored), { ...default_settings(), numbers: { num_beams: 3 } });
    assert.deepEqual(checked_settings(null), default_settings());
    assert.deepEqual(checked_settings({ numbers: null }), default_settings());
  });
});

describe("tags", () => {
  it("splits what people paste", () => {
    assert.deepEqual(split_tags(" a, b;c\n\n 'd' ,['e  f', \"g\"]"), ["a", "b", "c", "d", "e f", "g"]);
    assert.deepEqual(split_tags(" , ;"), []);
  });

  it("takes each tag once", () => {
    assert.deepEqual(add_tags(["Rock"], ["rock", "jazz", "Jazz"]), ["Rock", "jazz"]);
  });
});
