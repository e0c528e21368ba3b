# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Functions that every part of the lab uses.

lab_cache="${XDG_CACHE_HOME:-$HOME/.cache}/buslane/lab"

say() { printf 'lab: %s\n' "$*" >&2; }

# fail MESSAGE [FIX]
fail() {
    printf 'error: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then printf '  fix: %s\n' "$2" >&2; fi
    exit 1
}

need() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ||
        fail "the lab needs $1, which is not installed" "install the packages named in $lab_root/packages"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}
