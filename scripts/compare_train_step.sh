#!/usr/bin/env bash
# Times one full-size training step on CPU: ours beside the original's network, loss and optimizer on
# Python's torch, in alternation, on the same random batch.
#
# usage: scripts/compare_train_step.sh [BUILD_DIR [ROUNDS [OPTION VALUE]...]]
#   BUILD_DIR   has bin/train_step_bench (-DLPMC_BUILD_TRAINING=ON -DLPMC_BUILD_BENCH=ON); default: build
#   ROUNDS      pairs of runs; default 2
#   OPTIONs     --batch 8, --length 64 (tokens of the longest text), --shortest 0.5 (share of it that the
#               shortest has), --steps 5: given to both
# PYTHON names an interpreter with torch and transformers 4.26 (default python3). Both programs should use
# one BLAS: Debian's libopenblas0-openmp, not the pthread variant.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build} rounds=${2:-2}
shift $(( $# < 2 ? $# : 2 ))
python=${PYTHON:-python3}
[[ -x $build/bin/train_step_bench ]] || { echo "compare_train_step: no $build/bin/train_step_bench" >&2; exit 1; }
"$python" -c 'import torch, transformers' || { echo "compare_train_step: $python lacks torch or transformers" >&2; exit 1; }
for ((round = 0; round < rounds; ++round)); do
  printf 'ours      '; "$build/bin/train_step_bench" "$@" 2>/dev/null
  printf 'original  '; "$python" scripts/compare_train_step.py "$@" 2>/dev/null
done
