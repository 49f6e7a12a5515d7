#!/usr/bin/env bash
# Pins the dependencies of pyproject.toml, and theirs, with the hashes of every platform's files.
# Pins that still fit are kept; with --upgrade the newest are taken.
set -euo pipefail
cd "$(dirname "$0")/.."
upgrade=${1-}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install --quiet pip-tools==7.6.2

compile() { # FILE [OPTIONS]
  CUSTOM_COMPILE_COMMAND="make lock" "$tools/bin/pip-compile" --quiet --generate-hashes \
    --strip-extras --annotation-style line --unsafe-package torch \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
    ${upgrade:+"$upgrade"} "${@:2}" --output-file "$1" pyproject.toml
}

drop() { # NAMES FILE: takes packages out of a lock, and the warning that torch isn't in it
  awk -v names="^($1)==" '/^# WARNING/ { exit } /^[a-z0-9]/ { skip = $0 ~ names } !skip' "$2" \
    >"$tools/lock"
  cp "$tools/lock" "$2"
}

# torch 2.13.0 is many files, of a few contents (CPU, CUDA): requirements-torch.txt has it, without
# hashes. What it needs is locked, except what its CUDA build alone needs.
cuda="cuda-.*|nvidia-.*|triton"
compile requirements.txt
drop "$cuda" requirements.txt
names() { grep -oE '^[a-z0-9-]+' requirements.txt | paste -sd '|' -; }
compile requirements-release.txt --extra release --constraint requirements.txt
drop "$cuda|$(names)" requirements-release.txt
compile requirements-publish.txt --extra publish --constraint requirements.txt
drop "$cuda|$(names)" requirements-publish.txt
compile requirements-dev.txt --extra dev --constraint requirements.txt
drop "$cuda|$(names)" requirements-dev.txt
