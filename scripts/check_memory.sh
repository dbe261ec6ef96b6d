#!/usr/bin/env bash
# Peak resident set of `lpmc caption` on five minutes and on ten hours of music: they must be within 10 %.
# Takes a few minutes and 150 MB of disk; needs ffmpeg and GNU time (packages ffmpeg, time).
set -euo pipefail
cd "$(dirname "$0")/.."

lpmc="${LPMC:-build/release/bin/lpmc}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ffmpeg -v error -i samples/metal_madness_30s.ogg -ar 22050 -ac 2 -b:a 32k "$work/loop.mp3"

peak_kb() {  # SECONDS: the file's length
  ffmpeg -v error -stream_loop -1 -i "$work/loop.mp3" -t "$1" -c copy "$work/$1.mp3"
  /usr/bin/time -f '%M %e' -o "$work/time" "$lpmc" caption "$work/$1.mp3" --format json >/dev/null
  cat "$work/time"
}

read -r short short_s < <(peak_kb 300)
read -r long long_s < <(peak_kb 36000)
echo "five minutes: $short KB, $short_s s"
echo "ten hours:    $long KB, $long_s s"
awk -v a="$short" -v b="$long" 'BEGIN { r = b / a; printf "ratio %.3f, allowed 1.1\n", r; exit r > 1.1 }'
