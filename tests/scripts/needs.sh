# shellcheck shell=bash
# Brings what a stage of ./test needs; sourced by it. Each function is quick when the thing is there,
# and otherwise installs it or fails with the exact command that would.

cargo_deny_version=0.20.2 # older releases than 0.18 cannot read today's package identifiers
cbindgen_version=0.29.2   # another one may spell the same header otherwise
debian_lists_fresh=no

cannot() { # THING COMMAND
  printf 'cannot install %s here; install it by hand and run again:\n  %s\n' "$1" "$2" >&2
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

need_cargo() {
  # A shell without a login, such as a build service's, may not have it on its path.
  [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ] && PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  command -v cargo >/dev/null || cannot cargo "see https://rustup.rs"
}

install_deb() { # WHAT_FOR PACKAGE...
  local what=$1 by_hand
  shift
  by_hand="sudo apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || cannot "$what" "(on Debian) $by_hand" || return
  if [ "$debian_lists_fresh" = no ]; then
    as_root apt-get update -qq || cannot "$what" "sudo apt-get update && $by_hand" || return
    debian_lists_fresh=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" ||
    cannot "$what" "$by_hand"
}

need_deb() { # COMMAND PACKAGE...
  command -v "$1" >/dev/null && return
  install_deb "$@" || return
  command -v "$1" >/dev/null || cannot "$1" "sudo apt-get install -y --no-install-recommends ${*:2}"
}

need_font() { # LANGUAGE PACKAGE; without it a browser draws boxes
  need_deb fc-list fontconfig || return
  fc-list ":lang=$1" | grep -q . || install_deb "a font for $1" "$2"
}

need_component() { # RUSTUP_COMPONENT
  cargo "${1/rustfmt/fmt}" --version >/dev/null 2>&1 && return
  rustup component add "$1" || cannot "$1" "rustup component add $1"
}

need_target() { # RUSTUP_TARGET
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ] && return
  rustup target add "$1" || cannot "$1" "rustup target add $1"
}

need_cargo_deny() {
  case "$(cargo deny --version 2>/dev/null)" in
  "cargo-deny $cargo_deny_version") return ;;
  esac
  # Without optimisation it builds in half the time, and a check still takes only seconds.
  local by_hand="cargo install --locked --debug cargo-deny@$cargo_deny_version"
  $by_hand || cannot cargo-deny "$by_hand"
}

need_cbindgen() {
  case "$(cbindgen --version 2>/dev/null)" in
  "cbindgen $cbindgen_version") return ;;
  esac
  local by_hand="cargo install --locked --debug cbindgen@$cbindgen_version"
  $by_hand || cannot cbindgen "$by_hand"
}

need_node() {
  need_deb node nodejs
  need_deb npm npm
}

need_venv() { # FOLDER REQUIREMENTS; a Python of its own with exactly these packages
  local folder=$1 requirements=$2
  local by_hand="python3 -m venv $folder && $folder/bin/pip install --no-deps -r $requirements"
  cmp -s "$requirements" "$folder/installed.txt" && return
  need_deb python3 python3 || return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    cannot "Python 3.11" "see https://www.python.org/downloads" || return
  # Debian keeps what makes environments in a package of its own.
  python3 -c 'import ensurepip' 2>/dev/null ||
    { as_root apt-get update -qq && as_root apt-get install -qq -y --no-install-recommends python3-venv; } ||
    cannot python3-venv "sudo apt-get install -y python3-venv" || return
  rm -rf "$folder"
  python3 -m venv "$folder" &&
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps -r "$requirements" ||
    cannot "the packages of $requirements" "$by_hand" || return
  cp "$requirements" "$folder/installed.txt"
}
