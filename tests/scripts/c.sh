#!/usr/bin/env bash
# The purse as C meets it: tests/scripts/c.sh BOARDS IMAGE, where BOARDS is the example of device-sdk
# that makes identities, and IMAGE is to become the charger in C. Each line that begins with "ok" or
# "not ok" is one check.
set -euo pipefail
boards=$(realpath "$1")
image=$(realpath -m "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/../../device-sdk/c"
folder=$(mktemp -d)
# shellcheck disable=SC2064  # the folder of this run, whatever the name holds later
trap "rm -rf '$folder'" EXIT

check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then echo "ok - $what"; else echo "not ok - $what  ($*)"; fi
}

# What the library leaves to whoever links it.
only_memory_functions() {
  nm --defined-only "$library" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$folder/defined"
  nm --undefined-only -g "$library" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u >"$folder/wanted"
  comm -13 "$folder/defined" "$folder/wanted" |
    grep -vxE 'mem(cpy|move|set|cmp)|bcmp|strlen|__[a-z]+ti[0-9]' && return 1
  return 0
}

cc_sanitized() { # SOURCE PROGRAM
  gcc -std=c11 -Wall -Wextra -Werror -g -fsanitize=address,undefined -fno-sanitize-recover \
    -Iinclude "$1" "$library" -o "$2"
}

cargo build --locked --release
library=target/release/libonecode_purse.a
cbindgen -q --config cbindgen.toml --output "$folder/onecode_purse.h" .
check "the header is that of the library" diff include/onecode_purse.h "$folder/onecode_purse.h"
check "the header is C++ as well" g++ -std=c++17 -fsyntax-only -x c++ include/onecode_purse.h
check "the library wants functions of memory, arithmetic of the compiler's, and nothing else" only_memory_functions
check "the library builds for a Cortex-M4F" cargo build --locked --release --target thumbv7em-none-eabihf
mkdir -p "$(dirname "$image")"
check "a charger in C builds for a Cortex-M4F" make -s -C examples/board "IMAGE=$image"
"$boards" make "$folder/things"
cc_sanitized examples/pair.c "$folder/pair"
check "two purses in C pay each other" "$folder/pair" "$folder/things"
cc_sanitized tests/misuse.c "$folder/misuse"
"$folder/misuse" "$folder/things"
"$boards" passing-on "$folder/passing-on"
cc_sanitized tests/asking.c "$folder/asking"
"$folder/asking" "$folder/passing-on"
