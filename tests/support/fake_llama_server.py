#!/usr/bin/env python3
"""A llama-server for tests: takes the flags lpmc gives it and answers as FAKE_LLAMA says.

FAKE_LLAMA: comma-separated words
  die           says why and exits at once
  sick          answers 503 to /health for ever
  taken-once    the first start finds its port taken
  stubborn      does not mind SIGTERM
  slow          answers after a minute
  no-health     has no /health
FAKE_LLAMA_LOG: a file that gets one line of JSON for each start: pid, args, environment names
"""
import http.server
import json
import os
import signal
import sys
import time

words = os.environ.get("FAKE_LLAMA", "").split(",")
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
log = os.environ.get("FAKE_LLAMA_LOG")
starts = 0
if log:
    with open(log, "a+", encoding="utf-8") as file:
        file.seek(0)
        starts = len(file.readlines())
        file.write(json.dumps({"pid": os.getpid(), "args": arguments, "environment": sorted(os.environ)}) + "\n")

print("fake: loading", flush=True)
if "die" in words:
    sys.exit("fake: cannot load the model")
if "taken-once" in words and starts == 0:
    sys.exit("fake: couldn't bind HTTP server socket")
if "stubborn" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/health" and "no-health" not in words:
            self.answer(503 if "sick" in words else 200, {"status": "ok"})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": arguments["--alias"]}]})
        else:
            self.answer(404, {"error": {"message": "no such page"}})

    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        if "slow" in words:
            time.sleep(60)
        text = "A song with " + query.split("\n")[-1].strip() + "."
        if "dictionary" in query:
            text = json.dumps({"new_attribute": ["new"], "description": text})
        self.answer(200, {"model": arguments["--alias"],
                          "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                          "usage": {"prompt_tokens": 10, "completion_tokens": 5}})

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(arguments["--port"])), Handler).serve_forever()
