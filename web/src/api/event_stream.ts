// Server-sent events, read from a fetch: EventSource can only GET.

export interface ServerEvent {
  event: string;
  data: string;
}

/// Takes the text of a stream in pieces of any size, gives its events.
/// Source: HTML standard, "Interpreting an event stream" (fields `id` and `retry` are of no use here).
export class EventStreamParser {
  private rest_ = "";
  private started_ = false;
  private event_ = "";
  private data_: string[] = [];

  push(text: string): ServerEvent[] {
    if (!this.started_ && text !== "") {
      this.started_ = true;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    this.rest_ += text;
    const found: ServerEvent[] = [];
    for (let line = this.take_line_(); line !== null; line = this.take_line_()) {
      const event = this.line_(line);
      if (event) found.push(event);
    }
    return found;
  }

  /// A line without its end, or null until one is whole. A CR at the very end may be half of CR LF.
  private take_line_(): string | null {
    const end = this.rest_.search(/[\r\n]/);
    if (end < 0 || (this.rest_[end] === "\r" && end + 1 === this.rest_.length)) return null;
    const line = this.rest_.slice(0, end);
    this.rest_ = this.rest_.slice(this.rest_.startsWith("\r\n", end) ? end + 2 : end + 1);
    return line;
  }

  private line_(line: string): ServerEvent | null {
    if (line === "") {
      const event = this.data_.length > 0 ? { event: this.event_ || "message", data: this.data_.join("\n") } : null;
      this.event_ = "";
      this.data_ = [];
      return event;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event_ = value;
    if (field === "data") this.data_.push(value);
    return null;
  }
}

/// The events of a response's body, as they arrive.
export async function* read_events(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      yield* parser.push(done ? decoder.decode() + "\n" : decoder.decode(value, { stream: true }));
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
