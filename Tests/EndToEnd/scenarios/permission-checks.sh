# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Who may do what: an ordinary user in the group buslane, and one outside it. Sourced by main-job.sh.

as() {
    local user=$1
    shift
    runuser -u "$user" -- "$@"
}

permission_checks() {
    useradd --no-create-home --groups buslane alice
    useradd --no-create-home --groups buslane bob
    useradd --no-create-home mallory
    cat >/etc/buslane/conf.d/guarded.yaml <<YAML
pools:
  - name: guarded
    select: { kinds: [virtual-function], physicalFunctions: ["$PF0"] }
    allow: { users: [alice] }
    maxClaims: 1
YAML
    check "one outside the group has no permission to use the socket" outside
    check "one of the group reads, and is refused what is root's" reading
    check "a pool is for those that it names, up to its limit" named
    check "the maker of a claim may release it" own_claim
    check "what was refused stands in the audit trail" refused_is_audited
    rm /etc/buslane/conf.d/guarded.yaml
}

outside() { exits 77 as mallory buslane pools && one_error; }

reading() {
    exits 0 as alice buslane pools --quiet && holds "$OUT" guarded || return
    exits 0 as alice buslane plan || return
    exits 77 as alice buslane apply --yes && one_error && holds "$ERR" "alice may not apply host" "run it as root" || return
    exits 77 as alice buslane recover "$PF0" && one_error
}

named() {
    exits 77 as bob buslane allocate guarded && one_error && holds "$ERR" "users: [alice]" || return
    exits 0 as alice buslane allocate guarded --for first --quiet || return
    claim=$OUT
    # Another owner's name is no way round.
    exits 1 as alice buslane allocate guarded --for second && one_error && holds "$ERR" "may have 1 function of pool" "and would have more"
}

own_claim() {
    exits 77 as bob buslane release "$claim" && one_error && holds "$ERR" "$claim" || return
    exits 77 as bob buslane release --for first || return
    exits 0 as alice buslane release "$claim"
}

refused_is_audited() {
    exits 0 buslane audit --json || return
    local bob
    bob=$(id -u bob)
    # Both releases were of the same claim: the second one is counted, and written within the hour.
    same "bob's refusals" "$(jq -r "[.entries[] | select(.uid == $bob) | .verb] | join(\" \")" <<<"$OUT")" "allocate release"
}
