#!/usr/bin/env bash
# The paper's template baseline, made and scored by lpmc: MusicCaps at full length through `--llm template`, then
# `lpmc evaluate` on the test half. Several seeds show how far the shuffle of the tags moves the figures.
#
# usage: scripts/check_template_row.sh [MUSICCAPS.csv [EVALUATION_FIXTURES]]
#   EVALUATION_FIXTURES   holds exp_rows.json (which 2,839 rows) and exp/baseline_template/ (the published figures)
# LPMC_BUILD names the build folder, SEEDS how many shuffles (default 10).
set -euo pipefail
cd "$(dirname "$0")/.."

csv="${1:-../shared/data/musiccaps-public.csv}"
fixtures="${2:-../shared/fixtures/evaluation}"
lpmc="${LPMC_BUILD:-build/release}/bin/lpmc"
for file in "$csv" "$fixtures/exp_rows.json" "$fixtures/exp/baseline_template/results.json"; do
  [ -f "$file" ] || { echo "check_template_row: no $file: skipped" >&2; exit 77; }
done
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

begin="$(date +%s%N)"
"$lpmc" tag-to-caption --input "$csv" --prompt all --llm template --db "$folder/all.sqlite" --quiet
echo "all of MusicCaps, four tasks: $((($(date +%s%N) - begin) / 1000000)) ms"

# The rows that the authors had audio of, as a split file.
python3 - "$csv" "$fixtures/exp_rows.json" >"$folder/split.json" <<'PYTHON'
import csv
import json
import sys

rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline="")))
wanted = [rows[i] for i in json.load(open(sys.argv[2], encoding="utf-8"))["csv_rows_0based"]]
print(json.dumps({"test_track": [f"[{row['ytid']}]-[{row['start_s']}-{row['end_s']}]" for row in wanted]}))
PYTHON

for seed in $(seq "${SEEDS:-10}"); do
  "$lpmc" tag-to-caption --input "$csv" --split-file "$folder/split.json" --split test --llm template \
    --seed "$seed" --db "$folder/$seed.sqlite" --policy keep --quiet 2>"$folder/said" || { cat "$folder/said" >&2; exit 1; }
  "$lpmc" tag-to-caption export --db "$folder/$seed.sqlite" --format inference -o "$folder/$seed.json" --quiet
  "$lpmc" evaluate "$folder/$seed.json" --train-captions "$csv" --no-bertscore -o "$folder/results-$seed.json" >/dev/null
done
"$lpmc" evaluate "$fixtures/exp/baseline_template/inference.json" --train-captions "$csv" --no-bertscore \
  -o "$folder/theirs.json" >/dev/null

python3 - "$folder" "$fixtures/exp/baseline_template/results.json" <<'PYTHON'
import glob
import json
import statistics
import sys

ours = [json.load(open(name)) for name in glob.glob(sys.argv[1] + "/results-*.json")]
theirs, published = json.load(open(sys.argv[1] + "/theirs.json")), json.load(open(sys.argv[2]))
print(f"{len(ours)} shuffles of {ours[0].get('clips', '?')} clips")
print(f"{'figure':<16}{'mean':>10}{'std':>10}{'least':>10}{'most':>10}{'the paper':>11}{'deviation':>11}")
wrong = []
for key in ("bleu1", "bleu2", "bleu3", "bleu4", "meteor_1.0", "rougeL", "vocab_size", "caption_novelty",
            "length_avg", "length_std"):
    values = [result[key] for result in ours]
    # Of their captions, scored here: ROUGE-L was published as the middle of an unseeded bootstrap, and vocab_size
    # depends on how many training captions were at hand.
    paper = theirs[key] if key in ("rougeL", "vocab_size") else published[key]
    mean, std = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    off = (paper - mean) / std if std > 0 else (0.0 if abs(paper - mean) < 1e-9 else float("inf"))
    print(f"{key:<16}{mean:>10.5f}{std:>10.5f}{min(values):>10.5f}{max(values):>10.5f}{paper:>11.5f}{off:>+10.1f}s")
    if abs(off) > 4:
        wrong.append(key)
if wrong:
    sys.exit("check_template_row: more than four standard deviations from the paper: " + ", ".join(wrong))
PYTHON
