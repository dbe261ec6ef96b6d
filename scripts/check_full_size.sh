#!/usr/bin/env bash
# The published size (bart-base, 148.6 M parameters) with random weights: made, written as the original's
# .pth, read by Python's torch, which adds an optimizer's state, and opened again: the 1.8 GB file must
# open like the 595 MB one. Needs 3 GB of disk and Debian's python3-torch.
set -euo pipefail
cd "$(dirname "$0")/.."

lpmc="${LPMC:-build/release/bin/lpmc}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$lpmc" model init --preset bart-base --seed 1 -o "$work/random"
"$lpmc" model convert "$work/random" -o "$work/weights.pth"
/usr/bin/python3 - "$work" <<'PYTHON'
import sys
import torch

work = sys.argv[1]
checkpoint = torch.load(work + "/weights.pth", map_location="cpu")
state = checkpoint["state_dict"]
distinct = {tensor.data_ptr(): tensor for tensor in state.values()}
print(f"torch.load: {len(state)} keys, {len(distinct)} storages")
assert (len(state), len(distinct)) == (278, 275)
adamw = {i: {"step": torch.tensor(1.0), "exp_avg": torch.rand_like(t), "exp_avg_sq": torch.rand_like(t)}
         for i, t in enumerate(distinct.values())}
torch.save({"epoch": 3, "state_dict": state, "optimizer": {"state": adamw, "param_groups": []}},
           work + "/training.pth")
PYTHON
ls -l "$work"/*.pth | awk '{print $5, "bytes", $9}' | sed "s|$work/||"
for round in 1 2 3; do
  for name in weights training; do
    /usr/bin/time -f "$name.pth: opened, packed and 8 tokens decoded in %e s, %M KB" \
      "$lpmc" caption -m "$work/$name.pth" --tokens --format json --max-length 8 samples/metal_madness_30s.ogg >/dev/null
  done
done
