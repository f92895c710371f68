#!/usr/bin/env bash
# Serves the furnished portal and tries its API by its own document:
# tests/scripts/api.sh PATH_OF_THE_EXAMPLE PATH_OF_SCHEMATHESIS
# The calls are the same each time, so that a failure is somebody's change; ONECODE_SEED makes others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
report=$PWD/target/test-logs/api-report
coproc EXAMPLE { exec "$1" 2>"$scratch/log"; }
example=$EXAMPLE_PID
trap 'kill "$example" 2>/dev/null; rm -rf "$scratch"' EXIT

portal='' token=''
while [ -z "$portal" ] || [ -z "$token" ]; do
  read -r -t 60 what value <&"${EXAMPLE[0]}" || { cat "$scratch/log"; echo "the portal did not start"; exit 1; }
  case $what in
  portal) portal=$value ;;
  token) token=$value ;;
  esac
done

mkdir -p "$report"
config=$PWD/tests/api
schemathesis=$(realpath "$2")
cd "$scratch" # it keeps notes where it runs
# Not exec: the trap still has to end the portal.
PYTHONPATH=$config "$schemathesis" --config-file "$config/schemathesis.toml" run "$portal/api/v1/openapi.json" \
  --header "Authorization: Bearer $token" --report-dir "$report" --seed "${ONECODE_SEED:-1}"
