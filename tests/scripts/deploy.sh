#!/usr/bin/env bash
# Checks what lies in deploy/ against the built program: tests/scripts/deploy.sh PATH_OF_ONECODE
# Prints one line for each check, in the form that ./test counts.
set -uo pipefail
onecode=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
most_exposure=20 # tenths, as systemd-analyze takes it

scratch=$(mktemp -d)
started=()
trap '[ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null; wait; rm -rf "$scratch"' EXIT

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

# --- the proxy of deploy/nginx.conf in front of a gateway of its own

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_house_behind_proxy() {
  local door http
  http=$(free_port) tls=$(free_port)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=id.example.com \
    -addext subjectAltName=DNS:id.example.com -keyout "$scratch/privkey.pem" -out "$scratch/fullchain.pem" || return 1
  {
    printf 'daemon off; pid %s/nginx.pid; error_log stderr; events {} http { access_log off;\n' "$scratch"
    for door in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' $door "$scratch" $door; done
    sed "s#listen 443#listen 127.0.0.1:$tls#; s#127.0.0.1:8080#127.0.0.1:$http#
      s#/etc/ssl/id.example.com#$scratch#" deploy/nginx.conf
    echo '}'
  } >"$scratch/nginx.conf"
  nginx -p "$scratch" -e stderr -c "$scratch/nginx.conf" 2>"$scratch/nginx.log" &
  started+=($!)
  ONECODE_GATEWAY_RESOLVER="ID.EXAMPLE.COM:$tls" ONECODE_HTTP_PROXIES=127.0.0.1 \
    ONECODE_HTTP_LISTEN="127.0.0.1:$http" ONECODE_MQTT_LISTEN=127.0.0.1:0 \
    ONECODE_COAP_LISTEN=127.0.0.1:0 ONECODE_COAP_SECURE_LISTEN=127.0.0.1:0 \
    "$onecode" up --data "$scratch/house" >"$scratch/house.log" 2>&1 &
  started+=($!)
  for _ in $(seq 100); do
    link=$(sed -n 's/.*first administrator: open \(https[^ ]*\).*/\1/p' "$scratch/house.log")
    if [ -n "$link" ] && browse -o /dev/null "$link"; then return 0; fi
    sleep 0.2
  done
  cat "$scratch/house.log" "$scratch/nginx.log"
  return 1
}

browse() { # a browser elsewhere that reaches the proxy by the name on labels
  curl -sS --fail --interface 127.0.0.2 --noproxy '*' --cacert "$scratch/fullchain.pem" --resolve "id.example.com:$tls:127.0.0.1" \
    --cookie "$scratch/cookies" --cookie-jar "$scratch/cookies" "$@"
}

first_owner_comes_in() {
  local form
  form=$(browse "$link" | sed -n 's/.*name="form_token" value="\([^"]*\)".*/\1/p' | head -1)
  browse -o /dev/null -w '%{http_code}' -H "Origin: https://id.example.com:$tls" \
    -H 'X-Forwarded-For: 192.0.2.1' --data-urlencode "form_token=$form" -d name=ada \
    --data-urlencode 'password=correct horse battery' --data-urlencode 'again=correct horse battery' "$link" | grep -qx 303 &&
    grep -q __Host-onecode "$scratch/cookies" &&
    browse "https://id.example.com:$tls/audit" >"$scratch/audit" && grep -q 127.0.0.2 "$scratch/audit" &&
    ! grep -q 192.0.2.1 "$scratch/audit"
}

live_pages_stream() { # ends with 28, time is over: what came until then counts
  browse -N --max-time 3 "https://id.example.com:$tls/live" >"$scratch/live" 2>/dev/null
  [ $? -eq 28 ] && grep -q '^event:\|^data:' "$scratch/live"
}

metrics_stay_inside() {
  [ "$(browse -o /dev/null -w '%{http_code}' "https://id.example.com:$tls/metrics" 2>/dev/null)" = 403 ]
}

check "a gateway starts behind the proxy" start_house_behind_proxy
check "the first owner comes in through the proxy, from where the proxy says" first_owner_comes_in
check "live pages come through the proxy as they happen" live_pages_stream
check "the proxy keeps the metrics inside" metrics_stay_inside

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
