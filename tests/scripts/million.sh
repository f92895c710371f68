#!/usr/bin/env bash
# A batch of passive codes from order to imported manifest, by the programs themselves, each step with
# its time and the most memory it had: tests/scripts/million.sh FOLDER-OF-PROGRAMS [COUNT]
set -euo pipefail
programs=$(realpath "$1")
count=${2:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

step() { # WHAT COMMAND...
  local what=$1 began ended most
  shift
  began=$EPOCHREALTIME
  "$@" >out.txt &
  local pid=$! now
  most=0
  while kill -0 "$pid" 2>/dev/null; do
    now=$(awk '/^VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null || true)
    [ -z "$now" ] || [ "$now" -le "$most" ] || most=$now
    sleep 0.2
  done
  wait "$pid"
  ended=$EPOCHREALTIME
  awk -v what="$what" -v began="$began" -v ended="$ended" -v m="$most" \
    'BEGIN {printf "%-28s %8.1f s  %6.0f MB\n", what, ended - began, m / 1024}'
}

station=("$programs/onecode-station" --folder station)
gateway=("$programs/onecode" station)
echo "load $(cut -d' ' -f1 /proc/loadavg), $count codes"
"${station[@]}" init --network test --plain-keys >/dev/null
"${gateway[@]}" admit station/request.pem --kinds passive-item --last "$count" --data data >out.txt
code=$(head -n 1 out.txt)
"${station[@]}" install grant.txt >/dev/null
"${gateway[@]}" order "$code" --kind passive-item --count "$count" --batch B-1 --data data >/dev/null
step "run" "${station[@]}" run order.txt
step "manifest" "${station[@]}" manifest
ls -l station/journal station/manifests/000001.manifest | awk '{print "  " $5 " bytes  " $9}'
step "import" "${gateway[@]}" import station/manifests/000001.manifest --data data
cat out.txt
step "import again" "${gateway[@]}" import station/manifests/000001.manifest --data data
cat out.txt
