#!/usr/bin/env bash
# usage: scripts/compare_peers.sh FOLDER [options of compare_peers.py]
# Makes two Python environments in FOLDER (kept there, so that the next run is quick) and times their
# PyTorch beside lpmc: "newest" is torch and transformers as pip gives them (several GB: the wheels for
# x86-64 bring a GPU's libraries, which are not used), "original" Debian's python3-torch with transformers 4.26.1
# on OpenBLAS (packages python3-torch, libopenblas0-openmp; the reference BLAS would make it several times slower).
# LPMC names the program; the machine should be idle.
set -euo pipefail
folder="${1:?usage: scripts/compare_peers.sh FOLDER [options]}"
shift
here="$(cd "$(dirname "$0")" && pwd)"
lpmc="${LPMC:-$here/../build/release/bin/lpmc}"
mkdir -p "$folder"
if [ ! -e "$folder/new/ready" ]; then
  python3 -m venv "$folder/new"
  "$folder/new/bin/pip" install --quiet torch transformers
  touch "$folder/new/ready"
fi
peers=(--peer "newest=$folder/new/bin/python3")
if /usr/bin/python3 -c 'import torch' 2>/dev/null && ls /usr/lib/*/openblas-openmp/libblas.so.3 >/dev/null 2>&1; then
  if [ ! -e "$folder/old/ready" ]; then
    /usr/bin/python3 -m venv --system-site-packages "$folder/old"
    "$folder/old/bin/pip" install --quiet transformers==4.26.1
    touch "$folder/old/ready"
  fi
  peers+=(--peer "original=$folder/old/bin/python3")
else
  echo "compare_peers: no packages python3-torch and libopenblas0-openmp, so no figures of the original" >&2
fi
exec python3 "$here/compare_peers.py" --lpmc "$lpmc" "${peers[@]}" "$@"
