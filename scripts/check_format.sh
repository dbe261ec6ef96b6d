#!/usr/bin/env bash
# Fails when a C++ source is not formatted as .clang-format says.   --fix formats in place
# clang-format 14 is the yardstick (other versions break lines elsewhere); without it: exit 77, "skipped".
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$tool" ] || ! "$tool" --version | grep -q 'version 14\.'; then
  echo "check_format: skipped, clang-format 14 is not installed"
  exit 77
fi
mapfile -d '' -t sources < <(find lpmc tests bench -name '*.h' -print0 -o -name '*.cpp' -print0)
if [ "${1:-}" = --fix ]; then exec "$tool" -i "${sources[@]}"; fi
"$tool" --dry-run --Werror "${sources[@]}"
echo "check_format: ${#sources[@]} files are formatted"
