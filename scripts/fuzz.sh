#!/usr/bin/env bash
# Builds the libFuzzer targets and runs each for a bounded time on its corpus.
#
# usage: scripts/fuzz.sh [SECONDS [TARGET...]]
# New inputs go to build/fuzz/found/TARGET, the corpus in the repository stays as it is. A crash stops
# the run and leaves the input in build/fuzz/crashes/.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-30}"
shift || true
build=build/fuzz
cmake -G Ninja -S . -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DLPMC_SANITIZE=address,undefined -DLPMC_BUILD_FUZZERS=ON -DLPMC_BUILD_TESTS=OFF -DLPMC_WERROR=ON >/dev/null
targets=("$@")
[ ${#targets[@]} -gt 0 ] ||
  mapfile -t targets < <(sed -n 's/^lpmc_fuzz(\([a-z_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
cmake --build "$build" --target "${targets[@]}"

mkdir -p "$build/crashes"
export LSAN_OPTIONS="suppressions=$PWD/scripts/leaks.supp:print_suppressions=0"
for target in "${targets[@]}"; do
  mkdir -p "$build/found/$target"
  printf '%s: ' "$target"
  log="$build/$target.log"
  if ! "$build/bin/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$build/crashes/$target-" "$build/found/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 60 "$log"
    echo "$target: FAILED; the input is in $build/crashes/"
    exit 1
  fi
  sed -n 's/^stat::number_of_executed_units: */executions: /p' "$log"
done
echo "fuzz: ${#targets[@]} targets, $seconds s each, nothing found"
