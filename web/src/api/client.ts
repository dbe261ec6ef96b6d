// Requests to the server that this page came from.

import { ApiError, retry_after_s } from "./errors.ts";
import { read_events, type ServerEvent } from "./event_stream.ts";
import type { Captions, Segment, ServerInfo, StreamProgress, StreamStart, TagCaptions } from "./types.ts";

export interface StreamHandlers {
  start(start: StreamStart): void;
  segment(segment: Segment): void;
  progress(progress: StreamProgress): void;
}

/// Asks the user for the server's key; null when they decline.
export type AskForKey = (refused: boolean) => Promise<string | null>;

const kKeyName = "lpmc.key";

export class Client {
  constructor(private readonly ask_for_key_: AskForKey) {}

  async models(): Promise<ServerInfo> {
    return (await this.json_("v1/models", {})) as ServerInfo;
  }

  async tag_captions(tags: string[], prompt: string, signal: AbortSignal): Promise<TagCaptions> {
    return (await this.json_("v1/tag-captions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ tags, prompt }),
      signal,
    })) as TagCaptions;
  }

  /// Captions of one file, each segment handed over as it arrives; the whole result at the end.
  async captions(
    file: File,
    fields: Record<string, string>,
    handlers: StreamHandlers,
    signal: AbortSignal,
  ): Promise<Captions> {
    // The fields go first, so that the server can refuse before it has taken the file.
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file, file.name);
    const response = await this.send_("v1/captions", {
      method: "POST",
      headers: { Accept: "text/event-stream" },
      body: form,
      signal,
    });
    if (!response.body) throw new ApiError("connection_lost", "the answer has no body");
    try {
      for await (const event of read_events(response.body)) {
        const result = dispatch(event, handlers);
        if (result) return result;
      }
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw network_error(error, signal, "connection_lost");
    }
    throw new ApiError("connection_lost", "the answer ended before it was complete");
  }

  private async json_(path: string, init: RequestInit): Promise<unknown> {
    const response = await this.send_(path, init);
    try {
      return await response.json();
    } catch {
      throw new ApiError("unreadable", "the server's answer is not JSON", response.status);
    }
  }

  /// A response with a good status. Asks for the key, again and again, where the server wants one.
  private async send_(path: string, init: RequestInit): Promise<Response> {
    for (;;) {
      const key = sessionStorage.getItem(kKeyName);
      const headers = new Headers(init.headers);
      if (key !== null) headers.set("Authorization", `Bearer ${key}`);
      let response: Response;
      try {
        response = await fetch(new URL(path, document.baseURI), { ...init, headers });
      } catch (error) {
        throw network_error(error, init.signal, "unreachable");
      }
      if (response.ok) return response;
      const error = await error_of(response);
      if (response.status !== 401) throw error;
      const given = await this.ask_for_key_(key !== null);
      if (given === null) throw error;
      sessionStorage.setItem(kKeyName, given);
    }
  }
}

function network_error(error: unknown, signal: AbortSignal | null | undefined, kind: string): ApiError {
  if (signal?.aborted) return new ApiError("cancelled", "stopped");
  return new ApiError(kind, error instanceof Error ? error.message : String(error));
}

async function error_of(response: Response): Promise<ApiError> {
  const retry = retry_after_s(response.headers.get("Retry-After"), Date.now());
  const body: unknown = await response.json().catch(() => null);
  return error_in(body, response.status, retry);
}

function error_in(body: unknown, status: number, retry: number | null): ApiError {
  const error = (body as { error?: { kind?: unknown; message?: unknown } } | null)?.error;
  const kind = typeof error?.kind === "string" ? error.kind : "internal";
  const message = typeof error?.message === "string" ? error.message : `The server answered with status ${status}.`;
  return new ApiError(kind, message, status, retry);
}

/// Hands one event on; the captions when it was the last.
function dispatch(event: ServerEvent, handlers: StreamHandlers): Captions | null {
  let data: unknown;
  try {
    data = JSON.parse(event.data);
  } catch {
    throw new ApiError("unreadable", `event ${event.event}: not JSON`);
  }
  switch (event.event) {
    case "start":
      handlers.start(data as StreamStart);
      return null;
    case "segment":
      handlers.segment(data as Segment);
      return null;
    case "progress":
      handlers.progress(data as StreamProgress);
      return null;
    case "error":
      throw error_in(data, 0, null);
    case "done":
      return data as Captions;
    default:
      return null; // a newer server may say more
  }
}
