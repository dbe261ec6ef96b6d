#!/usr/bin/env bash
# kill -9 at random moments of a tag-to-caption run: the export must equal an uninterrupted run's.
# usage: scripts/check_kill.sh [JOBS [KILLS]]      (5000 and 20)
# LPMC_BUILD names the build folder; its program store_run is the run, the server and the export.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs="${1:-5000}"
kills="${2:-20}"
program="${LPMC_BUILD:-build/release}/bin/store_run"
folder="$(mktemp -d)"
mkfifo "$folder/end"
"$program" serve <"$folder/end" >"$folder/server" &
server=$!
exec 9>"$folder/end"
stop() {
  exec 9>&-
  wait "$server" || true
  rm -rf "$folder"
}
trap stop EXIT
until [ -s "$folder/server" ]; do sleep 0.05; done
url="$(head -1 "$folder/server")"

begin="$(date +%s%N)"
"$program" run "$folder/whole.sqlite" "$jobs" "$url"
whole_ms=$((($(date +%s%N) - begin) / 1000000))
"$program" export "$folder/whole.sqlite" >"$folder/whole.tsv"
echo "uninterrupted: $jobs jobs in $whole_ms ms"

killed=0
while [ "$killed" -lt "$kills" ]; do
  "$program" run "$folder/killed.sqlite" "$jobs" "$url" &
  run=$!
  # From the first instant (the database is being made) to twice an equal share of the whole run.
  sleep "$(awk -v ms="$whole_ms" -v kills="$kills" -v seed="$RANDOM$RANDOM" \
    'BEGIN { srand(seed); printf "%.4f", rand() * 2 * ms / kills / 1000 }')"
  if kill -9 "$run" 2>/dev/null; then killed=$((killed + 1)); fi
  wait "$run" 2>/dev/null && { echo "done before $kills kills: only $killed"; break; }
done
"$program" run "$folder/killed.sqlite" "$jobs" "$url"
"$program" export "$folder/killed.sqlite" >"$folder/killed.tsv"
cmp "$folder/whole.tsv" "$folder/killed.tsv"
[ "$(wc -l <"$folder/whole.tsv")" -eq "$jobs" ]
! awk -F'\t' '$3 != 2' "$folder/whole.tsv" | grep . || { echo "jobs without a caption"; exit 1; }
echo "killed $killed times: the export is equal, $jobs lines"
