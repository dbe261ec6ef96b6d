// Failures of a request, and how they are told to people.

/// `kind` is the server's, or one of the page's own: unreachable (no answer at all), connection_lost
/// (the answer broke off), cancelled (the user's wish), unreadable (an answer that makes no sense).
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status = 0,
    readonly retry_after_s: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export interface PlainWords {
  title: string;
  detail: string;
  /// Whether the same request may succeed later.
  again: boolean;
}

const kByKind: Record<string, (message: string) => PlainWords> = {
  too_large: (m) => ({ title: "This file is too large for the server.", detail: m, again: false }),
  unsupported: (m) => ({ title: "This does not look like music we can read.", detail: m, again: false }),
  corrupt: (m) => ({ title: "The file is damaged or cut off.", detail: m, again: false }),
  invalid_argument: (m) => ({ title: "The server did not accept a setting.", detail: m, again: true }),
  not_found: (m) => ({ title: "The server does not have that.", detail: m, again: true }),
  busy: (m) => ({ title: "The server is busy.", detail: m, again: true }),
  unauthorized: (m) => ({ title: "This server wants a key.", detail: m, again: true }),
  forbidden: (m) => ({ title: "The server does not let this page do that.", detail: m, again: false }),
  unavailable: (m) => ({ title: "The server cannot do this right now.", detail: m, again: true }),
  unreachable: () => ({
    title: "No answer from the server.",
    detail: "Is lpmc serve still running? Check it, then try again.",
    again: true,
  }),
  connection_lost: () => ({
    title: "The connection broke off.",
    detail: "What had arrived is kept below. Try again to get all of it.",
    again: true,
  }),
  cancelled: () => ({ title: "Stopped.", detail: "What had arrived is kept.", again: true }),
};

const kByStatus: Record<number, string> = {
  401: "unauthorized",
  403: "forbidden",
  413: "too_large",
  415: "unsupported",
  429: "busy",
  421: "forbidden",
  503: "unavailable",
};

/// Status says more than kind where both are there: 413 and 429 have kinds of their own here.
export function plain_words(error: unknown): PlainWords {
  if (!(error instanceof ApiError)) {
    return { title: "Something went wrong in this page.", detail: String(error), again: true };
  }
  const words = kByKind[kByStatus[error.status] ?? error.kind];
  return words
    ? words(error.message)
    : { title: "The server ran into a problem.", detail: error.message, again: true };
}

/// Seconds of a Retry-After header: a number, or a date. Null where it is neither.
export function retry_after_s(header: string | null, now_ms: number): number | null {
  if (header === null || header.trim() === "") return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const date_ms = Date.parse(header);
  return Number.isNaN(date_ms) ? null : Math.max(0, Math.ceil((date_ms - now_ms) / 1000));
}
