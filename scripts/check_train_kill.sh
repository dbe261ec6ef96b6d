#!/usr/bin/env bash
# kill -9 at random moments of a training run: the weights must equal, byte for byte, an uninterrupted run's.
# usage: scripts/check_train_kill.sh [KILLS [UPDATES]]      (8 and 300)
# LPMC_BUILD names the build folder. Sound is made by ffmpeg; a tiny network; one thread.
set -euo pipefail
cd "$(dirname "$0")/.."

kills="${1:-8}"
updates="${2:-300}"
lpmc="${LPMC_BUILD:-build/release}/bin/lpmc"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

for i in $(seq 0 11); do
  ffmpeg -v error -f lavfi -i "sine=frequency=$((110 + 40 * i)):sample_rate=16000:duration=12" "$folder/$i.wav"
  split=train
  if [ $((i % 4)) = 3 ]; then split=valid; fi
  echo "{\"id\":\"$i\",\"audio\":\"$i.wav\",\"split\":\"$split\",\"caption\":\"a song number $i with a tone\"}" \
    >>"$folder/clips.jsonl"
done

train() {  # folder of the run
  "$lpmc" train --framework supervised --manifest "$folder/clips.jsonl" --out "$1" --model-size tiny \
    --tokenizer models/default --updates "$updates" --warmup-updates 10 --batch-size 4 --max-length 32 \
    --checkpoint-every 20 --validate-every 50 --samples 0 --threads 1 --seed 3
}

begin="$(date +%s%N)"
train "$folder/whole"
whole_ms=$((($(date +%s%N) - begin) / 1000000))
echo "uninterrupted: $updates updates in $whole_ms ms"

killed=0
while [ "$killed" -lt "$kills" ]; do
  "$lpmc" train --version >/dev/null  # programs and libraries are in memory
  train "$folder/killed" >"$folder/out" 2>&1 &
  run=$!
  sleep "$(awk -v ms="$whole_ms" -v kills="$kills" -v seed="$RANDOM$RANDOM" \
    'BEGIN { srand(seed); printf "%.4f", rand() * 3 * ms / kills / 1000 }')"
  # The shell function runs in a subshell: its child is the program.
  program="$(pgrep -P "$run" | head -1 || true)"
  if kill -9 ${program:+"$program"} "$run" 2>/dev/null; then killed=$((killed + 1)); fi
  if wait "$run" 2>/dev/null; then
    echo "done before $kills kills: only $killed"
    break
  fi
done
train "$folder/killed"
cmp "$folder/whole/model.safetensors" "$folder/killed/model.safetensors"
cmp "$folder/whole/best/model.safetensors" "$folder/killed/best/model.safetensors"
echo "killed $killed times: model.safetensors and best/model.safetensors are equal"
