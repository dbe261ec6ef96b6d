#!/usr/bin/env bash
# The page in a real browser: its unit tests, then Playwright on `lpmc serve` with the default model.
#
# usage: scripts/check_page.sh [--mock] [--shots FOLDER]
#   --mock           against the stand-in of web/tests/mock, without lpmc
#   --shots FOLDER   screenshots as FOLDER/page-*.png (docs/images holds such)
#
# LPMC_BUILD names the build folder (default build/release); LPMC_CHROMIUM the browser (default
# /usr/bin/chromium). Exit 77, "skipped", where npm, Node 20 or the browser is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "check_page: skipped, $*" >&2; exit 77; }
mock=
while [ $# -gt 0 ]; do
  case "$1" in
    --mock) mock=1 ;;
    --shots) mkdir -p "$2"; LPMC_SHOTS="$(cd "$2" && pwd)"; export LPMC_SHOTS; shift ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
command -v npm >/dev/null || skip "npm is not installed"
node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' || skip "Node 20 or later is not installed"
[ -x "${LPMC_CHROMIUM:=/usr/bin/chromium}" ] || skip "$LPMC_CHROMIUM is not there"
export LPMC_CHROMIUM

folder="$(mktemp -d)"
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

if [ -z "$mock" ]; then
  lpmc="$(pwd)/${LPMC_BUILD:-build/release}/bin/lpmc"
  [ -x "$lpmc" ] || { echo "check_page: no $lpmc: build it first, or say --mock" >&2; exit 3; }
  port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')"
  "$lpmc" serve --port "$port" --llm template 2>"$folder/server.log" &
  server=$!
  LPMC_PAGE_URL="http://127.0.0.1:$port/"
  export LPMC_PAGE_URL
  for _ in $(seq 100); do
    curl --silent --fail --output "$folder/page.html" "${LPMC_PAGE_URL}ready" && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/server.log" >&2; exit 1; }
    sleep 0.2
  done
fi

cd web
[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund
[ -z "$mock" ] || npm run --silent build -- --logLevel warn
npm run --silent test
npm run --silent test:browser || { [ ! -s "$folder/server.log" ] || tail -n 30 "$folder/server.log" >&2; exit 1; }
for shot in ${LPMC_SHOTS:+"$LPMC_SHOTS"/page-*.png}; do
  [ "$(stat --format=%s "$shot")" -lt 150000 ] || { echo "check_page: $shot: expected under 150 kB" >&2; exit 1; }
done
