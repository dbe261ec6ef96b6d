#!/usr/bin/env python3
"""Load on a running `lpmc serve`: clients that each upload a clip, wait for its captions, and go on.

usage: serve_load.py URL CLIP... [--clients 32] [--requests 128] [--slow 0] [--tokens] [--pid PID]

  --slow N   N connections beside the clients that send a piece of a header and wait
  --tokens   for a model without vocabulary
  --pid PID  the server's process: its memory at the beginning, the middle and the end

Prints one JSON object: requests a second, seconds of sound a second (from the answers), latency at the
median and the 99th percentile, answers by status, requests without an answer, answers that hold another
clip's captions. Only Python's standard library.
"""
import argparse, asyncio, json, os, sys, time, urllib.parse
from collections import Counter


def body_of(clip, tokens):
    name = os.path.basename(clip)
    head = f'--XX\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    field = b'--XX\r\nContent-Disposition: form-data; name="tokens"\r\n\r\ntrue\r\n' if tokens else b""
    with open(clip, "rb") as file:
        return field + head + file.read() + b"\r\n--XX--\r\n"


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split()[1])
    length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
    return status, await reader.readexactly(length), "connection: close" in head.lower()


class Load:
    def __init__(self, host, port, clips, requests, tokens):
        self.host, self.port, self.left = host, port, requests
        self.bodies = [(os.path.basename(clip), body_of(clip, tokens)) for clip in clips]
        self.next = 0
        self.status, self.lost, self.wrong, self.sound_s, self.latency = Counter(), 0, 0, 0.0, []

    def take(self):
        if self.left == 0:
            return None
        self.left -= 1
        self.next += 1
        return self.bodies[self.next % len(self.bodies)]

    async def client(self):
        reader = writer = None
        while (work := self.take()) is not None:
            name, body = work
            begin = time.monotonic()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
                writer.write(f"POST /v1/captions HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: multipart/form-data; "
                             f"boundary=XX\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
                status, answer, closes = await read_answer(reader)
            except (OSError, asyncio.IncompleteReadError):
                self.lost += 1
                writer = None
                continue
            self.status[status] += 1
            if status == 200:
                self.latency.append(time.monotonic() - begin)
                captions = json.loads(answer)
                self.sound_s += captions["duration_s"]
                self.wrong += captions["file"] != name
            if closes:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()


async def slow_client(host, port, stop):
    while not stop.is_set():
        try:
            _, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /he")
            await writer.drain()
            await asyncio.wait_for(stop.wait(), 5)
            writer.close()
        except (OSError, asyncio.TimeoutError):
            await asyncio.sleep(0.05)


def memory_mb(pid):
    if not pid:
        return None
    with open(f"/proc/{pid}/status") as status:
        return round(next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024, 1)


async def main(options):
    url = urllib.parse.urlsplit(options.url)
    load = Load(url.hostname, url.port, options.clip, options.requests, options.tokens)
    stop = asyncio.Event()
    slow = [asyncio.create_task(slow_client(url.hostname, url.port, stop)) for _ in range(options.slow)]
    await asyncio.sleep(1 if slow else 0)
    memory = [memory_mb(options.pid)]
    begin = time.monotonic()
    clients = [asyncio.create_task(load.client()) for _ in range(options.clients)]
    while not all(task.done() for task in clients):
        await asyncio.wait(clients, timeout=0.5)
        if len(memory) == 1 and load.left < options.requests / 2:
            memory.append(memory_mb(options.pid))
    wall_s = time.monotonic() - begin
    memory.append(memory_mb(options.pid))
    stop.set()
    await asyncio.gather(*slow, return_exceptions=True)
    for task in clients:
        task.result()
    latency = sorted(load.latency) or [0.0]
    print(json.dumps({
        "clients": options.clients, "requests": options.requests, "wall_s": round(wall_s, 2),
        "requests_per_s": round(sum(load.status.values()) / wall_s, 2),
        "sound_s_per_s": round(load.sound_s / wall_s, 2),
        "p50_s": round(latency[len(latency) // 2], 3), "p99_s": round(latency[min(len(latency) - 1, int(len(latency) * 0.99))], 3),
        "status": dict(load.status), "lost": load.lost, "wrong": load.wrong, "memory_mb": memory}))
    return 1 if load.lost or load.wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("clip", nargs="+")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=128)
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--tokens", action="store_true")
    parser.add_argument("--pid", type=int, default=0)
    sys.exit(asyncio.run(main(parser.parse_args())))
