#!/usr/bin/env bash
# Trains a tiny model with one process and with several, at the same global batch, and compares; then kills
# one of the processes and sees the others end with the reason.
#
# usage: scripts/check_two_processes.sh [BUILD_DIR] [PROCESSES]     (default: build, 2)
# needs: lpmc-train in BUILD_DIR/bin, ffmpeg, python3. A minute or two on two cores.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$root/build}")
processes=${2:-2}
train=$build/bin/lpmc-train
[ -x "$train" ] || { printf 'check_two_processes: %s: expected a program; configure with -DLPMC_BUILD_TRAINING=ON\n' "$train" >&2; exit 2; }
work=$(mktemp -d)
pids=()
# shellcheck disable=SC2317
clean_up() {
  local pid
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT
export OMP_NUM_THREADS=1 MASTER_ADDR=127.0.0.1

for i in $(seq 1 12); do
  ffmpeg -nostdin -loglevel error -f lavfi -i "sine=frequency=$((110 * i)):duration=12" -ac 1 -ar 16000 "$work/$i.wav"
  split=train; [ "$i" -gt 9 ] && split=valid
  printf '{"id": "%d", "audio": "%d.wav", "split": "%s", "tags": ["sine"], "caption": "a sine of %d hertz"}\n' \
    "$i" "$i" "$split" "$((110 * i))" >>"$work/clips.jsonl"
done

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start OUT UPDATES PROCESSES: the processes of one run in the background; their ids in `pids`
start() {
  local out=$1 updates=$2 size=$3 rank
  MASTER_PORT=$(free_port); export MASTER_PORT
  pids=()
  for rank in $(seq 0 $((size - 1))); do
    RANK=$rank WORLD_SIZE=$size LOCAL_RANK=$rank "$train" --framework supervised --preset small --model-size tiny \
      --manifest "$work/clips.jsonl" --tokenizer "$root/models/default" --out "$out" --batch-size 6 \
      --updates "$updates" --warmup-updates 2 --dropout 0 --attention-dropout 0 --activation-dropout 0 \
      --log-every 1 --validate-every 4 --checkpoint-every 4 --samples 0 --workers 1 --threads 1 -q \
      >"$out.$rank.out" 2>"$out.$rank.err" &
    pids+=($!)
  done
}

finish() {
  local pid
  for pid in "${pids[@]}"; do wait "$pid" || { cat "$1".*.err >&2; exit 1; }; done
  pids=()
}

start "$work/one" 8 1; finish "$work/one"
start "$work/many" 8 "$processes"; finish "$work/many"

python3 - "$work/one" "$work/many" "$processes" <<'PYTHON'
import array, json, struct, sys

def losses(run):
    entries = [json.loads(line) for line in open(run + "/log.jsonl")]
    return [entry["loss"] for entry in entries if isinstance(entry.get("loss"), float)]

def weights(run):
    with open(run + "/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: array.array("f", data[slice(*entry["data_offsets"])]) for name, entry in header.items()}

one, many, processes = sys.argv[1:]
a, b = losses(one), losses(many)
assert len(a) == len(b) and len(a) >= 8, f"expected the same entries in both logs, found {len(a)} and {len(b)}"
worst = max(abs(x - y) / abs(x) for x, y in zip(a, b))
# A loss is a mean of float32 terms summed in another order; eight updates later, still far under this.
assert worst < 1e-4, f"losses differ by {worst:.2e}"
w, v = weights(one), weights(many)
assert w.keys() == v.keys()
count = sum(len(t) for t in w.values())
rms = (sum((x - y) ** 2 for n in w for x, y in zip(w[n], v[n])) / count) ** 0.5
# AdamW moves a weight by about the learning rate an update, also where its gradient is rounding error alone
# (k_proj.bias), so weights are compared as a whole: 5 % of the way gone.
config = json.load(open(one + "/hparams.json"))
way = 8 * config.get("lr", config.get("options", {}).get("lr", 1e-4))
assert rms < 0.05 * way, f"weights differ by {rms:.2e} (RMS), expected under {0.05 * way:.2e}"
print(f"1 against {processes} processes: losses within {worst:.1e} relative, weights within {rms:.1e} (RMS)")
PYTHON

start "$work/lost" 100000 "$processes"
for _ in $(seq 1 600); do
  [ -s "$work/lost/log.jsonl" ] && [ "$(wc -l <"$work/lost/log.jsonl")" -ge 5 ] && break
  sleep 0.1
done
victim=$((processes - 1))
kill -9 "${pids[$victim]}"
for rank in $(seq 0 $((victim - 1))); do
  code=0
  wait "${pids[$rank]}" || code=$?
  [ "$code" -ne 0 ] && [ "$code" -lt 128 ] || { printf 'process %s: expected an error, found exit code %s\n' "$rank" "$code" >&2; exit 1; }
  grep -q "process $victim" "$work/lost.$rank.err" ||
    { printf 'process %s does not name the lost one:\n' "$rank" >&2; cat "$work/lost.$rank.err" >&2; exit 1; }
done
pids=()
printf 'a killed process: all others end and name it: %s\n' "$(tail -n 1 "$work/lost.0.err")"
