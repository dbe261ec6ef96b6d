#!/usr/bin/env bash
# Before each commit: formatting, layers, build, unit tests.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/check_format.sh || [ $? -eq 77 ]
python3 scripts/check_layers.py .
./test -L unit
