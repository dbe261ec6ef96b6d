#!/usr/bin/env bash
# kill -9 at random moments of `lpmc tag-to-caption`: the export must equal an uninterrupted run's.
# usage: scripts/check_kill.sh [JOBS [KILLS]]      (5000 and 20)
# LPMC_BUILD names the build folder; its program chat_server answers on the loopback.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs="${1:-5000}"
kills="${2:-20}"
programs="${LPMC_BUILD:-build/release}/bin"
folder="$(mktemp -d)"
mkfifo "$folder/end"
"$programs/chat_server" <"$folder/end" >"$folder/server" &
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
awk -v records=$((jobs / 4)) 'BEGIN {
  for (i = 0; i < records; ++i) printf "{\"id\": \"track-%d\", \"split\": \"train\", \"tags\": [\"jazz\", \"tempo %d\"]}\n", i, i
}' >"$folder/tags.jsonl"

run() {
  exec "$programs/lpmc" tag-to-caption --input "$folder/tags.jsonl" --prompt all --db "$1" --llm "$url" --seed 1 --quiet 9>&-
}
export_to() { "$programs/lpmc" tag-to-caption export --db "$1" --format jsonl -o "$2" --quiet; }

begin="$(date +%s%N)"
(run "$folder/whole.sqlite")
whole_ms=$((($(date +%s%N) - begin) / 1000000))
export_to "$folder/whole.sqlite" "$folder/whole.jsonl"
echo "uninterrupted: $jobs jobs in $whole_ms ms"

killed=0
while [ "$killed" -lt "$kills" ]; do
  (run "$folder/killed.sqlite") &
  run=$!
  # From the first instant (the database is being made) to twice an equal share of the whole run.
  sleep "$(awk -v ms="$whole_ms" -v kills="$kills" -v seed="$RANDOM$RANDOM" \
    'BEGIN { srand(seed); printf "%.4f", rand() * 2 * ms / kills / 1000 }')"
  if kill -9 "$run" 2>/dev/null; then killed=$((killed + 1)); fi
  if wait "$run" 2>/dev/null; then
    # All is done: what is left of the kills goes to a run of its own.
    export_to "$folder/killed.sqlite" "$folder/killed.jsonl"
    cmp "$folder/whole.jsonl" "$folder/killed.jsonl"
    rm "$folder"/killed.sqlite*
  fi
done
(run "$folder/killed.sqlite")
export_to "$folder/killed.sqlite" "$folder/killed.jsonl"
cmp "$folder/whole.jsonl" "$folder/killed.jsonl"
[ "$(wc -l <"$folder/whole.jsonl")" -eq "$jobs" ]
echo "killed $killed times: the export is equal, $jobs captions"
