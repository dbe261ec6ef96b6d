#!/usr/bin/env bash
# The published size (bart-base, 148.6 M parameters) with random weights: cosines between the logits of bf16 and
# int8 arithmetic and those of float32, teacher-forced; the folders that `lpmc model quantize` makes of it, opened.
# Needs 1.1 GB of disk and GNU time (package time).
set -euo pipefail
cd "$(dirname "$0")/.."

build="${LPMC_BUILD:-build/release}"
lpmc="$build/bin/lpmc"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$lpmc" model init --preset bart-base --seed 1 -o "$work/f32"
for dtype in bf16 int8; do
  "$lpmc" model quantize -m "$work/f32" --dtype "$dtype" -o "$work/$dtype"
done
du -b "$work"/*/model.safetensors | awk '{print $1, "bytes", $2}' | sed "s|$work/||"
"$build/bin/dtype_cosine" "$work/f32" samples/metal_madness_30s.ogg
for round in 1 2 3; do
  for dtype in f32 bf16 int8; do
    /usr/bin/time -f "$dtype: opened, packed and 8 tokens decoded in %e s, %M KB" \
      "$lpmc" caption -m "$work/$dtype" --dtype "$dtype" --tokens --format json --max-length 8 \
      samples/metal_madness_30s.ogg >/dev/null
  done
done
