#!/usr/bin/env bash
# Builds everything with AddressSanitizer and UndefinedBehaviorSanitizer (clang) and runs all tests.
#
# usage: scripts/sanitize.sh [CTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

export LPMC_FIXTURES="${LPMC_FIXTURES:-$PWD/../shared/fixtures}"
build=build/asan
cmake -G Ninja -S . -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DLPMC_SANITIZE=address,undefined -DLPMC_WERROR=ON >/dev/null
cmake --build "$build"
# Leaks inside Debian's libraries are theirs; scripts/leaks.supp names them.
export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
export LSAN_OPTIONS="suppressions=$PWD/scripts/leaks.supp:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1"
ctest --test-dir "$build" --no-tests=error --output-on-failure --parallel 2 "$@"
