#!/usr/bin/env bash
# Serves the furnished portal and walks through it with a browser:
# tests/scripts/portal.sh PATH_OF_THE_EXAMPLE PATH_OF_ONECODE PYTHON_WITH_THE_REQUIREMENTS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
shots=target/test-logs/portal
coproc EXAMPLE { exec "$1" 2>"$scratch/log"; }
example=$EXAMPLE_PID
trap 'kill "$example" 2>/dev/null; rm -rf "$scratch"' EXIT

portal='' link='' request='' rekey='' judge='' batch=''
while [ -z "$portal" ] || [ -z "$link" ] || [ -z "$request" ] || [ -z "$rekey" ] || [ -z "$judge" ] || [ -z "$batch" ]; do
  read -r -t 60 what value <&"${EXAMPLE[0]}" || { cat "$scratch/log"; echo "the portal did not start"; exit 1; }
  case $what in
  portal) portal=$value ;;
  link) link=$value ;;
  request) request=$value ;;
  rekey) rekey=$value ;;
  judge) judge=$value ;;
  batch) batch=$value ;;
  esac
done
# The requests come as one JSON string each.
plain() {
  local text=${1#'"'}
  text=${text//'\"'/'"'}
  printf '%b' "${text%'"'}"
}
plain "$request" >"$scratch/request.pem"
plain "$rekey" >"$scratch/rekey.pem"
plain "$batch" >"$scratch/batch.csv"

rm -rf "$shots"
# Not exec: the trap still has to end the portal.
node tests/portal/walk.js --portal "$portal" --link "$link" --request "$scratch/request.pem" \
  --rekey "$scratch/rekey.pem" --judge "$judge" --batch "$scratch/batch.csv" --verify "$2" --python "$3" \
  --shots "$shots"
