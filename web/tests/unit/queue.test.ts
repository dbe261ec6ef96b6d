import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError, plain_words, retry_after_s } from "../../src/api/errors.ts";
import { Queue, type SendCaptions } from "../../src/captions/queue.ts";
import { Track, type TrackState } from "../../src/captions/track.ts";

type Send = SendCaptions["captions"];

const kSegment = { start_s: 0, end_s: 10, time: "0:00-0:10", text: "a", score: -1, silent: false };
const kCaptions = { file: "f", duration_s: 10, model: "m", segments: [kSegment], track_caption: "t", warnings: [] };

function file(name: string, size = 1): File {
  return new File([new Uint8Array(size)], name);
}

/// Resolves when the track comes into the state.
function reached(track: Track, state: TrackState): Promise<void> {
  if (track.state === state) return Promise.resolve();
  return new Promise((resolve) => {
    const off = track.on(() => {
      if (track.state !== state) return;
      off();
      resolve();
    });
  });
}

describe("Queue", () => {
  it("captions one file after the other, and hands segments on as they come", async () => {
    const sent: string[] = [];
    let at_once = 0;
    const send: Send = async (sent_file, fields, handlers) => {
      assert.equal(++at_once, 1);
      assert.deepEqual(fields, { num_beams: "3" });
      sent.push(sent_file.name);
      handlers.start({ file: "f", model: "m", segment_duration_s: 10, duration_s: null });
      await Promise.resolve();
      handlers.segment(kSegment);
      handlers.progress({ audio_s_done: 10, audio_s_known: 10 });
      --at_once;
      return structuredClone(kCaptions);
    };
    const queue = new Queue({ captions: send }, () => ({ num_beams: "3" }));
    const tracks = ["a", "b"].map((name) => new Track(name, file(name)));
    const seen: string[] = [];
    tracks[0]?.on((change) => seen.push(change.what === "segment" ? `segment ${change.index}` : change.what));
    for (const track of tracks) queue.add(track);
    await Promise.all(tracks.map((track) => reached(track, "done")));
    assert.deepEqual(sent, ["a", "b"]);
    assert.ok(seen.indexOf("segment 0") > 0);
    assert.equal(tracks[1]?.captions?.track_caption, "t");
  });

  it("goes on with the next file when one fails", async () => {
    const send: Send = async (sent_file) => {
      if (sent_file.name === "bad") throw new ApiError("unsupported", "no audio in it", 415);
      return structuredClone(kCaptions);
    };
    const queue = new Queue({ captions: send }, () => ({}));
    const [bad, good] = [new Track("bad", file("bad")), new Track("good", file("good"))];
    queue.add(bad);
    queue.add(good);
    await reached(good, "done");
    assert.equal(bad.state, "failed");
    assert.equal(bad.error?.detail, "no audio in it");
    assert.equal(bad.error?.again, false);
  });

  it("waits as long as a busy server asks, then tries again", async () => {
    let tries = 0;
    const send: Send = async () => {
      if (++tries === 1) throw new ApiError("unavailable", "queue full", 429, 1);
      return structuredClone(kCaptions);
    };
    const queue = new Queue({ captions: send }, () => ({}));
    const track = new Track("a", file("a"));
    queue.add(track);
    await reached(track, "busy");
    assert.equal(track.retry_in_s, 1);
    await reached(track, "done");
    assert.equal(tries, 2);
  });

  it("stops a file that waits for a busy server, and one that is being captioned", async () => {
    const send: Send = async (sent_file, _fields, _handlers, signal) => {
      if (sent_file.name === "busy") throw new ApiError("unavailable", "queue full", 429, 60);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new ApiError("cancelled", ""))));
    };
    const queue = new Queue({ captions: send }, () => ({}));
    const [busy, working] = [new Track("busy", file("busy")), new Track("working", file("working"))];
    queue.add(busy);
    queue.add(working);
    await reached(busy, "busy");
    queue.stop(busy);
    await reached(busy, "stopped");
    await reached(working, "sending");
    queue.remove(working);
    await reached(working, "stopped");
    assert.deepEqual(queue.tracks, [busy]);
  });

  it("refuses what is too large or empty before it is sent", async () => {
    const send: Send = () => assert.fail("was sent");
    const queue = new Queue({ captions: send }, () => ({}));
    queue.limits = { max_upload_mb: 1 };
    const [large, empty] = [new Track("large", file("large", 1024 * 1024 + 1)), new Track("empty", file("empty", 0))];
    queue.add(large);
    queue.add(empty);
    await reached(empty, "failed");
    assert.match(large.error?.title ?? "", /too large/);
    assert.match(large.error?.detail ?? "", /2 MB.*1 MB/);
  });

  it("tries again when asked to", async () => {
    let tries = 0;
    const send: Send = async () => {
      if (++tries === 1) throw new ApiError("connection_lost", "");
      return structuredClone(kCaptions);
    };
    const queue = new Queue({ captions: send }, () => ({}));
    const track = new Track("a", file("a"));
    queue.add(track);
    await reached(track, "failed");
    assert.ok(track.error?.again);
    queue.again(track);
    await reached(track, "done");
  });
});

describe("errors", () => {
  it("tells them by status where the kind says less", () => {
    assert.match(plain_words(new ApiError("invalid_argument", "m", 413)).title, /too large/);
    assert.match(plain_words(new ApiError("anything", "m", 401)).title, /key/);
    assert.match(plain_words(new ApiError("corrupt", "m", 422)).title, /damaged/);
    assert.equal(plain_words(new ApiError("internal", "m", 500)).detail, "m");
    assert.match(plain_words(new TypeError("x")).title, /this page/);
  });

  it("reads Retry-After as seconds or a date", () => {
    assert.equal(retry_after_s("7", 0), 7);
    assert.equal(retry_after_s("Thu, 01 Jan 1970 00:00:09 GMT", 0), 9);
    assert.equal(retry_after_s("Thu, 01 Jan 1970 00:00:09 GMT", 60_000), 0);
    assert.equal(retry_after_s("soon", 0), null);
    assert.equal(retry_after_s(null, 0), null);
  });
});
