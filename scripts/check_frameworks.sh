#!/usr/bin/env bash
# The three frameworks end to end on a small set of real and made sound: prepare, tag to caption, pretrain,
# transfer, supervised, infer, evaluate. Fails when a loss does not fall or all captions are equal.
# usage: scripts/check_frameworks.sh [UPDATES]      (120)
# LPMC_BUILD names the build folder. No network: cuts of samples/ and tones of ffmpeg.
set -euo pipefail
cd "$(dirname "$0")/.."

updates="${1:-120}"
lpmc="$PWD/${LPMC_BUILD:-build/release}/bin/lpmc"
tokenizer="$PWD/models/default"
sample="$PWD/samples/metal_madness_30s.ogg"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir audio

# Four kinds of sound, ten clips of each; two of each kind are for the test split, one for validation.
add_clip() {  # number, kind, tags as JSON, human caption; then ffmpeg's input
  local number="$1" kind="$2" tags="$3" caption="$4" split=train
  shift 4
  case $((number % 10)) in 7) split=valid ;; 8 | 9) split=test ;; esac
  ffmpeg -nostdin -v error "$@" -ac 1 -ar 16000 -t 10.5 "audio/$kind-$number.flac"
  printf '{"id":"%s-%s","audio":"audio/%s-%s.flac","split":"%s","tags":%s,"caption":"%s"}\n' \
    "$kind" "$number" "$kind" "$number" "$split" "$tags" "$caption" >>tracks.jsonl
}
for i in $(seq 0 9); do
  add_clip "$i" metal '["metal","electric guitar","drums","fast tempo"]' 'a fast metal song with electric guitar and drums' \
    -ss "$((i * 2))" -i "$sample"
  add_clip "$i" low '["bass","slow tempo","calm"]' 'a slow and calm song with a deep bass' \
    -f lavfi -i "aevalsrc=0.4*sin(2*PI*$((50 + 3 * i))*t)*(1+0.5*sin(2*PI*0.5*t)):d=11"
  add_clip "$i" bells '["bells","bright","ambient"]' 'bright bells in an ambient song' \
    -f lavfi -i "aevalsrc=0.3*(sin(2*PI*$((1500 + 60 * i))*t)+sin(2*PI*$((2300 + 90 * i))*t))*exp(-4*mod(t\,1)):d=11"
  add_clip "$i" noise '["noise","experimental"]' 'an experimental track of noise' \
    -f lavfi -i "anoisesrc=color=pink:amplitude=0.4:seed=$((i + 1)):duration=11"
done

echo "== prepare"
"$lpmc" prepare cache tracks.jsonl --cache cache
"$lpmc" prepare verify tracks.jsonl --cache cache >verify.txt

echo "== tag to caption: pseudo captions"
"$lpmc" tag-to-caption --input tracks.jsonl --prompt all --llm template --db captions.sqlite -q
"$lpmc" tag-to-caption export --db captions.sqlite --format jsonl -o pseudo.jsonl
"$lpmc" prepare import --input tracks.jsonl --dataset manifest --captions pseudo.jsonl --audio-root . --manifest pretrain.jsonl

train() {  # framework, manifest, more flags
  local framework="$1" manifest="$2"
  shift 2
  "$lpmc" train --framework "$framework" --manifest "$manifest" --cache cache --out "runs/$framework" \
    --tokenizer "$tokenizer" --updates "$updates" --warmup-updates 10 --lr 2e-3 --dropout 0 \
    --attention-dropout 0 --activation-dropout 0 --batch-size 8 --max-length 40 --validate-every 50 \
    --checkpoint-every 50 --samples 4 --seed 1 --threads 1 "$@"
}
echo "== pretrain"
train pretrain pretrain.jsonl --model-size tiny
echo "== transfer"
train transfer tracks.jsonl --init runs/pretrain
echo "== supervised"
train supervised tracks.jsonl --model-size tiny

for framework in pretrain transfer supervised; do
  python3 - "runs/$framework" <<'PY'
import json, sys
entries = [json.loads(line) for line in open(sys.argv[1] + "/log.jsonl")]
losses = [e["loss"] for e in entries if e["kind"] == "train"]
print(f"{sys.argv[1]}: training loss {losses[0]:.3f} to {losses[-1]:.3f}")
assert losses[-1] < 0.8 * losses[0], "the loss did not fall"
assert any(e["kind"] == "samples" for e in entries), "no sample captions"
PY
done

echo "== infer, evaluate"
for framework in transfer supervised; do
  "$lpmc" infer -m "runs/$framework" --manifest tracks.jsonl --split test -o "$framework.json"
  "$lpmc" evaluate "$framework.json" -o "$framework-results.json" >/dev/null
  python3 - "$framework" <<'PY'
import json, sys
captions = [c["predictions"] for c in json.load(open(sys.argv[1] + ".json")).values()]
results = json.load(open(sys.argv[1] + "-results.json"))
print(f"{sys.argv[1]}: {len(captions)} captions, {len(set(captions))} different, first: {captions[0]!r}")
assert len(set(captions)) > 1, "all captions are equal"
assert all(captions), "an empty caption"
assert "bleu1" in results, results
PY
done
echo "check_frameworks: pretrain, transfer and supervised ran end to end"
