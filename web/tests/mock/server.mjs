// A stand-in for `lpmc serve`: the page of web/dist under the server's own security policy, and the API
// with captions that are made up. For work on the page, and for tests of what a server rarely does.
//
// usage: node tests/mock/server.mjs [--port N] [--key KEY] [--segment-ms N] [--no-language-model]
// Prints "listening on http://127.0.0.1:N" once it serves.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    key: { type: "string" },
    "segment-ms": { type: "string", default: "250" },
    "no-language-model": { type: "boolean", default: false },
  },
});

const kDist = fileURLToPath(new URL("../../dist", import.meta.url));
const kTypes = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
};
const kSecurity = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
    "connect-src 'self'; worker-src 'self' blob:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
};
const kSegment_s = 10;
const kUpload_mb = 100;
const kCaptions = [
  "A quiet introduction: a single piano plays broken chords, slowly, with a lot of room around them.",
  "Brushed drums and an upright bass join in. The tempo is moderate, the mood relaxed.",
  "A muted trumpet takes the melody over walking bass and ride cymbal.",
  "The full band plays the theme together. It is lively and bright.",
];

function fail(response, status, kind, message, headers = {}) {
  response.writeHead(status, { "Content-Type": "application/json", ...kSecurity, ...headers });
  response.end(JSON.stringify({ error: { kind, message } }));
}

function reply(response, value) {
  response.writeHead(200, { "Content-Type": "application/json", ...kSecurity });
  response.end(JSON.stringify(value));
}

async function body_of(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/// The parts of a multipart body: {name, filename, bytes}.
function parts_of(body, content_type) {
  const boundary = Buffer.from(`--${/boundary=(.+)$/.exec(content_type)?.[1]}`);
  const parts = [];
  for (let at = body.indexOf(boundary); at >= 0; ) {
    const next = body.indexOf(boundary, at + boundary.length);
    if (next < 0) break;
    const part = body.subarray(at + boundary.length + 2, next - 2);
    const head = part.subarray(0, part.indexOf("\r\n\r\n")).toString();
    parts.push({
      name: /name="([^"]*)"/.exec(head)?.[1],
      filename: /filename="([^"]*)"/.exec(head)?.[1],
      bytes: part.subarray(part.indexOf("\r\n\r\n") + 4),
    });
    at = next;
  }
  return parts;
}

function label(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;
}

/// Seconds of a WAV file; of anything else that looks like music, thirty.
function duration_of(bytes) {
  const magic = bytes.subarray(0, 4).toString("latin1");
  if (magic === "RIFF") return bytes.readUInt32LE(bytes.indexOf("data") + 4) / bytes.readUInt32LE(28);
  return ["OggS", "fLaC", "ID3\x03", "ID3\x04"].includes(magic) ? 30 : null;
}

function segments_of(duration_s, n_best) {
  return Array.from({ length: Math.max(1, Math.ceil(duration_s / kSegment_s - 0.1)) }, (_, i) => {
    const [start_s, end_s] = [i * kSegment_s, Math.min((i + 1) * kSegment_s, duration_s)];
    const text = kCaptions[i % kCaptions.length];
    const score = -0.35 - i / 1000;
    const others = kCaptions.filter((other) => other !== text).slice(0, n_best - 1);
    const candidates = [text, ...others].map((words, rank) => ({ text: words, score: score - rank / 10 }));
    const time = `${label(start_s)}-${label(end_s)}`;
    return { start_s, end_s, time, text, score, silent: false, ...(n_best > 1 ? { candidates } : {}) };
  });
}

async function captions(request, response) {
  const parts = parts_of(await body_of(request), request.headers["content-type"] ?? "");
  const file = parts.find((part) => part.name === "file");
  if (!file) return fail(response, 400, "invalid_argument", "multipart body: expected a part named file, found none");
  const duration_s = duration_of(file.bytes);
  if (duration_s === null) return fail(response, 415, "unsupported", `${file.filename}: expected audio, found something else`);
  const n_best = Number(parts.find((part) => part.name === "n_best")?.bytes.toString() ?? 1);
  const segments = segments_of(duration_s, n_best);
  const result = {
    file: file.filename, duration_s, model: "default", segments, track_caption: segments.at(-1).text, warnings: [],
  };
  if (request.headers.accept !== "text/event-stream") return reply(response, result);
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", ...kSecurity });
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  send("start", { file: file.filename, model: "default", segment_duration_s: kSegment_s, duration_s });
  response.write(": keep-alive\n\n");
  for (const segment of segments) {
    await new Promise((resolve) => setTimeout(resolve, Number(flags["segment-ms"])));
    if (response.destroyed) return undefined;
    send("segment", segment);
    send("progress", { audio_s_done: segment.end_s, audio_s_known: duration_s, queue_position: 0 });
  }
  send("done", result);
  return response.end();
}

async function tag_captions(request, response) {
  if (flags["no-language-model"]) return fail(response, 503, "unavailable", "no language model is configured: start lpmc serve with --llm");
  const { tags, prompt } = JSON.parse((await body_of(request)).toString());
  const words = (Array.isArray(tags) ? tags : tags.split(",").map((tag) => tag.trim())).join(", ");
  const tasks = prompt === "all" ? ["writing", "summary", "paraphrase", "attribute_prediction"] : [prompt];
  const results = tasks.map((task) => ({
    prompt: task,
    query: `write a song description sentence including the following attributes. \n ${words}`,
    caption: `This piece has ${words}.`,
    ...(task === "attribute_prediction" ? { attributes: ["solo", "live performance"] } : {}),
    valid: task !== "summary",
    notes: task === "summary" ? ["a tag is missing from the caption"] : [],
  }));
  return reply(response, { model: "mock", results });
}

const kModels = {
  default: "default",
  models: [
    { id: "default", dtype: "int8", segment_duration_s: kSegment_s, has_vocabulary: true,
      generation: { num_beams: 5, max_length: 128, min_length: 2, length_penalty: 1, no_repeat_ngram: 3 } },
  ],
  language_model: flags["no-language-model"] ? null : { name: "mock", kind: "template" },
  limits: { max_upload_mb: kUpload_mb, max_duration_s: 36000 },
};

function page(request, response) {
  const path = new URL(request.url, "http://mock").pathname;
  const file = join(kDist, normalize(path === "/" ? "/index.html" : path));
  if (!file.startsWith(kDist) || !existsSync(file) || !statSync(file).isFile()) {
    return fail(response, 404, "not_found", `${path}: there is no such thing`);
  }
  response.writeHead(200, { "Content-Type": kTypes[extname(file)] ?? "application/octet-stream", ...kSecurity });
  return createReadStream(file).pipe(response);
}

const kRoutes = {
  "POST /v1/captions": captions,
  "POST /v1/tag-captions": tag_captions,
  "GET /v1/models": (_, response) => reply(response, kModels),
};

const server = createServer((request, response) => {
  const route = kRoutes[`${request.method} ${request.url}`];
  if (!route) return page(request, response);
  if (flags.key && request.headers.authorization !== `Bearer ${flags.key}`) {
    return fail(response, 401, "unauthorized", "expected a bearer token");
  }
  return Promise.resolve(route(request, response)).catch((error) => fail(response, 500, "internal", String(error)));
});
server.listen(Number(flags.port), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
