#!/usr/bin/env bash
# Trains the tiny network on the 20 formula clips until it knows their texts by 98 % (teacher-forced), then
# captions the clips with `lpmc caption` from the folder that was saved: at least 11 of the 20 texts must come
# out, as many as of the reference at that accuracy.
#
# usage: scripts/check_overfit.sh [BUILD_DIR]     (LPMC_FIXTURES names the reference numbers)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
[[ -d ${LPMC_FIXTURES:-} ]] || { echo "check_overfit: LPMC_FIXTURES names no folder of fixtures" >&2; exit 77; }
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
"$build/bin/overfit_formula_clips" "$LPMC_FIXTURES" "$run"
"$build/bin/lpmc" caption -m "$run" --tokens --format json -o "$run/captions.json" "$run"/clip_*.wav
python3 - "$run/captions.json" "$LPMC_FIXTURES/model/trained_golden.json" <<'EOF'
import json
import sys

files = json.load(open(sys.argv[1]))
texts = json.load(open(sys.argv[2]))["text"]
exact = 0
for entry, text in zip(sorted(files, key=lambda e: e["file"]), texts, strict=True):
    tokens = entry["segments"][0]["tokens"]
    exact += [t for t in tokens if t > 3] == [t for t in text if t > 3]
print(f"{exact} of {len(texts)} texts exactly")
sys.exit(exact < 11)
EOF
