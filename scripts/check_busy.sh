#!/usr/bin/env bash
# What a busy machine costs: whole captions (`lpmc bench`) alone, and with one and then two other processes
# that keep a core busy each. One such process must cost no more than a factor 2.5.
# usage: scripts/check_busy.sh [options of lpmc bench: --preset bart-base --dtype int8 --threads 2]
# LPMC names the program; the machine should be idle but for this.
set -euo pipefail
cd "$(dirname "$0")/.."

lpmc="${LPMC:-build/release/bin/lpmc}"
[ $# -gt 0 ] || set -- --preset bart-base --dtype int8
loops=()
stop_loops() {
  for process in ${loops[@]+"${loops[@]}"}; do kill "$process" 2>/dev/null || true; done
  loops=()
}
trap stop_loops EXIT

captions_s() {  # seconds of the smaller and of the larger run, medians: the best run may have met no one
  "$lpmc" bench "$@" --stages captions --json -q | python3 -c '
import json, sys
stages = [s for s in json.load(sys.stdin)["stages"] if s["stage"] == "captions"]
print(*(s["median_s"] for s in sorted(stages, key=lambda s: s["size"])))'
}

read -r alone_small alone_large < <(captions_s "$@")
echo "alone:               $alone_small s, $alone_large s"
for busy in 1 2; do
  (while :; do :; done) &
  loops+=($!)
  read -r small large < <(captions_s "$@")
  awk -v n="$busy" -v s="$small" -v l="$large" -v as="$alone_small" -v al="$alone_large" \
    'BEGIN { printf "beside %d busy: %8s s, %s s, factors %.2f and %.2f\n", n, s, l, s / as, l / al;
             exit n == 1 && (s / as > 2.5 || l / al > 2.5) }' ||
    { echo "check_busy: over the factor 2.5" >&2; exit 1; }
done
