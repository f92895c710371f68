#!/usr/bin/env bash
# Checks what lies in deploy/ against the built program: tests/scripts/deploy.sh PATH_OF_ONECODE
# Prints one line for each check, in the form that ./test counts.
set -uo pipefail
onecode=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
most_exposure=20 # tenths, as systemd-analyze takes it

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    echo "ok - $what"
  else
    echo "not ok - $what"
    sed 's/^/    /' "$scratch/output"
  fi
}

unit_as_on_this_machine() {
  sed "s#/usr/bin/onecode#$onecode#" deploy/onecode.service >"$scratch/onecode.service"
}

example_is_the_default() { # the values in the example file are the ones in force without it
  "$onecode" config list | grep -qx '\[gateway\]' || return 1
  diff <("$onecode" config list) <("$onecode" config list --config deploy/onecode.toml | sed 's/  # from .*//')
}

image_gets_every_room() {
  local room
  while read -r room; do
    grep -qx "COPY $room $room" deploy/Containerfile || { echo "no COPY for $room"; return 1; }
  done < <(sed -n '/^members = \[/,/^]/s/^ *"\([^"]*\)".*/\1/p' Cargo.toml)
}

image_gets_what_is_there() {
  local line source
  while read -r line; do
    for source in ${line% *}; do
      [ -e "$source" ] || { echo "COPY of $source, which is not there"; return 1; }
    done
  done < <(sed -n 's/^COPY \([^-].*\)/\1/p' deploy/Containerfile)
}

image_has_the_toolchain_of_the_tree() {
  grep -q "rust:$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)-" deploy/Containerfile
}

compose_publishes_every_door() {
  local door
  while read -r door; do
    grep -q -- "- \".*:$door\"" deploy/compose.yaml || { echo "compose.yaml does not publish $door"; return 1; }
  done < <(sed -n 's/^EXPOSE //p' deploy/Containerfile | tr ' ' '\n')
}

check "the example settings are known and are the defaults" example_is_the_default
check "the container gets every room" image_gets_every_room
check "the container copies only what exists" image_gets_what_is_there
check "the container builds with the tree's toolchain" image_has_the_toolchain_of_the_tree
check "compose publishes every door of the container" compose_publishes_every_door
if command -v systemd-analyze >/dev/null; then
  unit_as_on_this_machine
  check "systemd accepts the unit" systemd-analyze verify "$scratch/onecode.service"
  check "systemd finds the unit's exposure small" \
    systemd-analyze security --offline=true --threshold=$most_exposure "$scratch/onecode.service"
else
  echo "systemd-analyze is not on this machine; the unit was not checked"
fi
