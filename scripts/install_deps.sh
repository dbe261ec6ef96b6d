#!/usr/bin/env bash
# Installs the Debian packages lpmc needs: Debian 12, Debian 13, Ubuntu 24.04.
#
# usage: scripts/install_deps.sh [runtime|test]
#   runtime   what building and running `lpmc` needs (default; ./demo calls this)
#   test      also what ./test and .ci/run need: LibTorch, test frameworks, ffmpeg, clang, Python's torch
#
# Says what it installs, uses sudo only when not root, does nothing when all is there.
set -euo pipefail

runtime_packages=(
  g++ cmake ninja-build pkg-config
  libavformat-dev libavcodec-dev libavutil-dev libswresample-dev  # audio: decoding, resampling, FFT
  libpcre2-dev                                                    # text: the tokenizer's Unicode pre-split
  libtag1-dev                                                     # audio: writing comment tags
  zlib1g-dev                                                      # checkpoint: CRC-32 of archives
  libfmt-dev nlohmann-json3-dev                                   # base: formatting, JSON
  libcurl4-openssl-dev libssl-dev                                 # http: requests to language models; SHA-256 of prompts
  libsqlite3-dev                                                  # tag_to_caption: the job store
  libicu-dev                                                      # evaluation: Unicode lower case and white space
  libboost-dev                                                    # server: HTTP (Beast, Asio)
  libcli11-dev                                                    # cli: flags
)
test_packages=(
  ccache git
  libgtest-dev libgmock-dev libbenchmark-dev
  libtorch-dev libopenblas0-openmp                                # training; OpenBLAS on OpenMP, as LibTorch
  libgloo-dev                                                     # training: headers for several processes
  wordnet-base                                                    # evaluation: METEOR's synonyms
  ffmpeg time                                                       # the yardstick of decoding; makes test files
  clang lld clang-format                                          # sanitizers, libFuzzer, formatting
  python3 python3-numpy python3-jsonschema python3-torch          # checks the .pth and JSON we write
  chromium                                                        # the page, as people see it
)

die() { printf 'install_deps: %s\n' "$*" >&2; exit 1; }

case "${1:-runtime}" in
  runtime) wanted=("${runtime_packages[@]}") ;;
  test) wanted=("${runtime_packages[@]}" "${test_packages[@]}") ;;
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) die "unknown set '$1': expected runtime or test" ;;
esac

command -v apt-get >/dev/null 2>&1 ||
  die "this is not a Debian or Ubuntu system (no apt-get); install the equivalents of: ${wanted[*]}"

# The page is built with npm; a Node.js from elsewhere brings its own, which Debian's npm would not stand beside.
if [ "${1:-runtime}" = test ] && ! command -v npm >/dev/null 2>&1; then wanted+=(nodejs npm); fi

# libFuzzer's and the sanitizers' runtimes lie in a package that carries clang's version.
if [ "${1:-runtime}" = test ]; then
  clang_version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p' | head -n 1)
  [ -n "$clang_version" ] && wanted+=("libclang-rt-$clang_version-dev")
fi

missing() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
  done
}

mapfile -t todo < <(missing "${wanted[@]}")
[ ${#todo[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || die "not root and no sudo: ask an administrator to install: ${todo[*]}"
  as_root=(sudo)
fi

printf 'install_deps: installing with apt-get: %s\n' "${todo[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt_install() { "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >&2; }
# The package lists may be missing or old on a fresh machine: refresh, then install.
"${as_root[@]}" apt-get update -qq >&2 || printf 'install_deps: apt-get update failed, trying with the lists at hand\n' >&2
apt_install "${todo[@]}" || die "apt-get could not install: ${todo[*]}"
mapfile -t todo < <(missing "${wanted[@]}")
[ ${#todo[@]} -eq 0 ] || die "still missing after apt-get: ${todo[*]}"
