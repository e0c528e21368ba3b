# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks: one that fails does not stop the ones after it.

checks_passed=0 checks_failed=0
checks_said=$(mktemp)

# check NAME COMMAND…: prints `ok NAME`, or `not ok NAME: why` with the last line
# that the command printed. The command runs in this shell, so it can set
# variables. From 5 s on, the time is printed too.
check() {
    local name=$1 begin=$SECONDS took=""
    shift
    if "$@" >"$checks_said" 2>&1; then
        checks_passed=$((checks_passed + 1))
        [ $((SECONDS - begin)) -lt 5 ] || took="  [$((SECONDS - begin)) s]"
        printf 'ok %s%s\n' "$name" "$took"
    else
        checks_failed=$((checks_failed + 1))
        printf 'not ok %s: %s\n' "$name" "$(grep . "$checks_said" | tail -n 1 | cut -c1-400)"
        # The command's whole output, to find the fault
        grep . "$checks_said" | head -n 12 | cut -c1-1000 | sed 's/^/    # /'
    fi
}

# checks_end: prints the last line; fails when a check failed
checks_end() {
    rm -f "$checks_said"
    printf 'E2E: %d passed, %d failed\n' "$checks_passed" "$checks_failed"
    [ "$checks_failed" -eq 0 ]
}

# run COMMAND…: stores its output in $OUT and $ERR, its exit code in $STATUS
run() {
    local out err
    out=$(mktemp) err=$(mktemp)
    STATUS=0
    "$@" >"$out" 2>"$err" || STATUS=$?
    OUT=$(cat "$out") ERR=$(cat "$err")
    rm -f "$out" "$err"
}

# exits CODE COMMAND…: runs it; prints its output when its exit code is another
exits() {
    local wanted=$1
    shift
    run "$@"
    [ "$STATUS" -eq "$wanted" ] && return
    why "exit $STATUS instead of $wanted from: $* | $OUT | $ERR"
}

why() {
    printf '%s\n' "$*" | tr '\n' ' '
    echo
    return 1
}

# same WHAT FOUND WANTED
same() { [ "$2" = "$3" ] || why "$1 is '$2' instead of '$3'"; }

# holds TEXT PART…: the text contains every part
holds() {
    local text=$1 part
    shift
    for part in "$@"; do
        case "$text" in *"$part"*) ;; *) why "'$part' is not in: $text" || return ;; esac
    done
}

# one_error: $ERR is one line `error: …`, optionally followed by one line `  fix: …`
one_error() {
    local lines
    lines=$(grep -c . <<<"$ERR")
    grep -qE '^error: .' <<<"$(head -n 1 <<<"$ERR")" || why "stderr does not begin with 'error: ': $ERR" || return
    [ "$lines" -eq 1 ] || { [ "$lines" -eq 2 ] && grep -q '^  fix: ' <<<"$ERR"; } || why "more than an error and its fix: $ERR"
}
