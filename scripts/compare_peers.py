#!/usr/bin/env python3
"""Times LP-MusicCaps' network in PyTorch beside `lpmc bench`, at the published size with random weights.

usage: compare_peers.py --lpmc PROGRAM --peer NAME=PYTHON [--peer ...] [--threads N] [--runs N] [--json]
  NAME is original (float32 alone) or newest (float32, bfloat16, dynamic int8); PYTHON an interpreter that
  has torch and transformers. scripts/compare_peers.sh makes both and calls this.

Each peer and type runs in a process of its own, after one another, driven as the original drives it:
convolutions and BART's encoder, then generate() with 5 beams and exactly 64 new tokens, for 3 and for 18
segments. `lpmc bench` runs before and after; the better of its figures counts, as the best run of a peer does.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

SEGMENTS = (3, 18)
BEAMS, NEW_TOKENS = 5, 64
PEER_TYPES = {"original": ("f32",), "newest": ("f32", "bf16", "int8")}
N_MELS, FRAMES, D_MODEL = 128, 1001, 768  # of a segment of ten seconds


def peak_resident_bytes():
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024


def make_network(dtype):
    import torch
    from torch import nn
    from transformers import BartConfig, BartForConditionalGeneration

    class AudioEncoder(nn.Module):
        """Six convolutions, all but the first halving the length, then sinusoids."""

        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv1d(N_MELS, D_MODEL, kernel_size=3, padding=1)
            self.conv_stack = nn.ModuleList(
                nn.Conv1d(D_MODEL, D_MODEL, kernel_size=3, stride=2, padding=1) for _ in range(5))
            self.register_buffer("positions", torch.randn(32, D_MODEL))

        def forward(self, mel):
            x = nn.functional.gelu(self.conv1(mel))
            for conv in self.conv_stack:
                x = nn.functional.gelu(conv(x))
            return x.permute(0, 2, 1) + self.positions

    torch.manual_seed(0)
    bart = BartForConditionalGeneration(BartConfig(
        d_model=D_MODEL, encoder_layers=6, decoder_layers=6, encoder_attention_heads=12,
        decoder_attention_heads=12, encoder_ffn_dim=3072, decoder_ffn_dim=3072))
    audio = AudioEncoder()
    bart.eval()
    audio.eval()
    if dtype == "bf16":
        bart, audio = bart.to(torch.bfloat16), audio.to(torch.bfloat16)
    if dtype == "int8":
        bart = torch.quantization.quantize_dynamic(bart, {nn.Linear}, dtype=torch.qint8)
    return audio, bart


def run_once(audio, bart, mel):
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    start = time.perf_counter()
    hidden = bart.get_encoder()(inputs_embeds=audio(mel), return_dict=True).last_hidden_state
    encoded = time.perf_counter()
    output = bart.generate(
        encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
        decoder_input_ids=torch.full((mel.shape[0], 1), 2),
        max_length=NEW_TOKENS + 1, min_length=NEW_TOKENS + 1, num_beams=BEAMS, early_stopping=True,
        no_repeat_ngram_size=3, forced_bos_token_id=0, forced_eos_token_id=2, repetition_penalty=1.0)
    done = time.perf_counter()
    assert output.shape == (mel.shape[0], NEW_TOKENS + 1), output.shape
    return encoded - start, done - encoded


def measure_peer(dtype, threads, runs):
    """In the peer's own process: one JSON object on the last line of stdout."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    audio, bart = make_network(dtype)
    results = []
    with torch.inference_mode():
        for segments in SEGMENTS:
            mel = torch.randn(segments, N_MELS, FRAMES)
            mel = mel.to(torch.bfloat16) if dtype == "bf16" else mel
            times = [run_once(audio, bart, mel) for _ in range(runs + 1)][1:]  # the first warms up
            results.append({"segments": segments, "encoder_s": min(t[0] for t in times),
                            "generate_s": min(t[1] for t in times),
                            "total_s": min(sum(t) for t in times)})
    return {"torch": torch.__version__, "transformers": transformers.__version__, "dtype": dtype,
            "runs": results, "peak_resident_bytes": peak_resident_bytes()}


def run_peer(name, python, dtype, options):
    command = [python, os.path.abspath(__file__), "--as-peer", dtype,
               "--threads", str(options.threads), "--runs", str(options.runs)]
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), TRANSFORMERS_VERBOSITY="error",
                       HF_HUB_OFFLINE="1")
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, text=True, check=False)
    if done.returncode != 0:
        print(f"compare_peers: {name} {dtype}: ended with {done.returncode}", file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]), name=name)


def run_lpmc(options):
    command = [options.lpmc, "bench", "--preset", "bart-base", "--dtype", "all", "--json", "-q",
               "--stages", "captions,memory", "--threads", str(options.threads),
               "--num-beams", str(BEAMS), "--new-tokens", str(NEW_TOKENS), "--segments", str(SEGMENTS[0])]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def lpmc_rows(benches):
    """The better of the runs before and after, as rows like the peers'."""
    rows = []
    for dtype in ("f32", "bf16", "int8"):
        row = {"name": "lpmc", "dtype": dtype, "runs": []}
        stages = [s for bench in benches for s in bench["stages"] if s.get("dtype") == dtype]
        for segments in SEGMENTS:
            def best(stage, segments=segments):
                return min(s["best_s"] for s in stages if s["stage"] == stage and s["size"] == segments)
            row["runs"].append({"segments": segments, "encoder_s": best("captions: encoder"),
                                "generate_s": best("captions: generate"), "total_s": best("captions")})
        row["peak_resident_bytes"] = max(s.get("peak_resident_bytes", 0) for s in stages)
        rows.append(row)
    return rows


def print_table(rows):
    fastest = {n: min(run["total_s"] for row in rows if row["name"] != "lpmc"
                      for run in row["runs"] if run["segments"] == n) for n in SEGMENTS}
    print(f"{'':<10}{'dtype':<7}" + "".join(f"{f'{n}: encoder':>13}{'generate':>10}{'together':>10}{'speed':>8}"
                                            for n in SEGMENTS) + f"{'peak memory':>14}")
    for row in rows:
        line = f"{row['name']:<10}{row['dtype']:<7}"
        for run in row["runs"]:
            speed = fastest[run["segments"]] / run["total_s"]
            line += f"{run['encoder_s']:>11.3f} s{run['generate_s']:>8.3f} s{run['total_s']:>8.3f} s{speed:>7.2f}x"
        print(line + f"{row['peak_resident_bytes'] / 1e6:>11.0f} MB")
    print("speed: against the fastest peer at that number of segments")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lpmc", help="the program")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--as-peer", choices=("f32", "bf16", "int8"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        print(json.dumps(measure_peer(options.as_peer, options.threads, options.runs)))
        return
    if not options.lpmc or not options.peer:
        parser.error("expected --lpmc and at least one --peer")
    peers = [entry.split("=", 1) for entry in options.peer]
    benches = [run_lpmc(options)]
    rows = [row for name, python in peers for dtype in PEER_TYPES[name]
            if (row := run_peer(name, python, dtype, options))]
    benches.append(run_lpmc(options))
    rows += lpmc_rows(benches)
    if options.json:
        print(json.dumps({"threads": options.threads, "rows": rows, "machine": benches[0]["machine"]}, indent=2))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
