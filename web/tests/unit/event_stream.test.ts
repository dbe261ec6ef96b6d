import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { EventStreamParser, read_events, type ServerEvent } from "../../src/api/event_stream.ts";

const kStream =
  "event: start\ndata: {\"file\":\"ä.mp3\"}\n\n: keep-alive\n\nevent:segment\r\ndata: 1\r\ndata: 2\r\n\r\n" +
  "id: 7\nretry: 10\ndata\n\rdata: last\r\r";
const kEvents: ServerEvent[] = [
  { event: "start", data: '{"file":"ä.mp3"}' },
  { event: "segment", data: "1\n2" },
  { event: "message", data: "" },
  { event: "message", data: "last" },
];

describe("EventStreamParser", () => {
  it("gives the same events however the stream is cut", () => {
    for (let size = 1; size <= kStream.length; ++size) {
      const parser = new EventStreamParser();
      const found: ServerEvent[] = [];
      for (let at = 0; at < kStream.length; at += size) found.push(...parser.push(kStream.slice(at, at + size)));
      found.push(...parser.push("\n")); // the end: a CR waits for what follows it
      assert.deepEqual(found, kEvents, `pieces of ${size}`);
    }
  });

  it("skips a byte order mark and takes one space after the colon only", () => {
    assert.deepEqual(new EventStreamParser().push("\uFEFFdata:  two spaces\n\n"), [{ event: "message", data: " two spaces" }]);
  });

  it("keeps back an event that is not ended by an empty line", () => {
    assert.deepEqual(new EventStreamParser().push("event: done\ndata: {}\n"), []);
  });

  it("drops an event without data", () => {
    assert.deepEqual(new EventStreamParser().push("event: nothing\n\ndata: x\n\n"), [{ event: "message", data: "x" }]);
  });
});

describe("read_events", () => {
  it("puts together characters that were cut in the middle", async () => {
    const bytes = new TextEncoder().encode(kStream);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const found: ServerEvent[] = [];
    for await (const event of read_events(body)) found.push(event);
    assert.deepEqual(found, kEvents);
  });

  it("lets go of the body when its reader stops", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\ndata: 2\n\n")),
      cancel: () => void (cancelled = true),
    });
    for await (const event of read_events(body)) {
      assert.equal(event.data, "1");
      break;
    }
    assert.ok(cancelled);
  });
});
