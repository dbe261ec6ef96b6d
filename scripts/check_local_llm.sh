#!/usr/bin/env bash
# A real language model on this machine through the four tasks, and what came out: valid rate and coverage.
#
# usage: scripts/check_local_llm.sh [ANNOTATION.json [SPLIT.json]]
#   ANNOTATION, SPLIT   records in the original's layout (default: ../shared/samples/musiccaps/)
#
# Sets the model up by scripts/install_local_llm.sh where there is none. LPMC_BUILD names the build folder;
# POLICY is the command's --policy (default: flag; retry takes several times as long), LPMC_DB a database to keep and to go on with.
set -euo pipefail
cd "$(dirname "$0")/.."

annotation="${1:-../shared/samples/musiccaps/annotation.json}"
split="${2:-$(dirname "$annotation")/track_split.json}"
lpmc="${LPMC_BUILD:-build/release}/bin/lpmc"
[ -f "$annotation" ] || { echo "check_local_llm: no $annotation: skipped" >&2; exit 77; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

scripts/install_local_llm.sh
source=(--input "$annotation")
[ ! -f "$split" ] || source+=(--split-file "$split")
db="${LPMC_DB:-$folder/run.sqlite}"
begin="$(date +%s)"
status=0
"$lpmc" tag-to-caption "${source[@]}" --prompt all --llm local --policy "${POLICY:-flag}" --db "$db" || status=$?
[ "$status" -le 1 ] || exit "$status"  # 1: some captions failed; a small model may not manage every dictionary
echo "run: $(($(date +%s) - begin)) s"
"$lpmc" tag-to-caption status --db "$db"
"$lpmc" tag-to-caption export --db "$db" --format jsonl -o "$folder/run.jsonl"
python3 - "$folder/run.jsonl" <<'PYTHON'
import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
print(f"{'task':<22}{'captions':>9}{'valid':>14}{'coverage':>10}")
for task in dict.fromkeys(row["prompt"] for row in rows):
    reports = [row["validation"] for row in rows if row["prompt"] == task]
    valid = sum(not report["flaws"] for report in reports)
    coverage = sum(report["coverage"] for report in reports) / len(reports)
    print(f"{task:<22}{len(reports):>9}{valid:>8} ({valid / len(reports):4.0%}){coverage:>10.1%}")
# What was accepted as an attribute prediction was read: a sentence, and attributes as a list.
for row in rows:
    assert row["caption"] and isinstance(row["new_attributes"], list), row
PYTHON
