#!/usr/bin/env bash
# Builds the wheel of the Python package: device-sdk/python/wheel.sh FOLDER [OPTIONS OF maturin...]
# It is for any CPython from 3.11 on (abi3) on this machine's kind of processor and C library, and is
# optimised; with `--profile dev` it builds in half the time. Wanted are cargo and maturin.
set -euo pipefail
out=$(realpath "$1")
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
[ $# -gt 0 ] || set -- --release
# Whoever runs many versions of glibc gives `--zig --compatibility manylinux_2_28`.
maturin build --locked --quiet --out "$out" "$@"
