# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes by hand of what was applied are reported, and repaired where
# nothing is in use. Begins and ends with the host as full_configuration has it.

events_tell() { buslane events --json | jq -e --arg s "$2" --argjson n "$3" "[.events[] | select(.id > \$n and .subject == \$s) | .kind] | index(\"$1\")" >/dev/null; }
last_event() { buslane events --json | jq '[.events[].id] | max // 0'; }

# put_right SUBJECT: events since $before report drift and repair, and the host is as it was ready
put_right() {
    wait_for 180 events_tell repaired "$1" "$before" || why "no event of a repair: $(buslane events | tail -n 2)" || return
    events_tell drifted "$1" "$before" || why "no event of a drift" || return
    same "the host" "$(fingerprint)" "$ready"
}

drift_of_vfs() {
    before=$(last_event)
    echo 0 >"$PCI/$PF0/sriov_numvfs"
    put_right "$PF0"
}
drift_of_binding() {
    local vf
    vf=$(vfs "$PF1" | head -n 1) before=$(last_event)
    echo "$vf" >"$PCI/$vf/driver/unbind"
    put_right "$PF1"
}
drift_of_claim() {
    local id vf
    exits 0 buslane allocate dataplane --for drift --numa required:1 --vlan 42 --quiet || return
    id=$OUT vf=$(addresses_of "$OUT") before=$(last_event)
    ip link set "$(netdev "$PF1")" vf "$(($(vfs "$PF1" | grep -nx "$vf" | cut -d: -f1) - 1))" vlan 7
    wait_for 180 events_tell repaired "$vf" "$before" || why "no event of a repair: $(buslane events | tail -n 2)" || return
    holds "$(ip link show "$(netdev "$PF1")")" "vlan 42" || return
    exits 0 buslane release "$id" && same "the host" "$(fingerprint)" "$ready"
}
drift_reported() {
    local vf
    vf=$(vfs "$PF0" | head -n 1) before=$(last_event)
    { full_configuration; echo "repair: report"; } | configure
    echo "$vf" >"$PCI/$vf/driver/unbind"
    wait_for 180 events_tell drifted "$PF0" "$before" || why "no event: $(buslane events | tail -n 2)" || return
    same "$vf's driver" "$(driver "$vf")" "" || return
    exits 0 buslane plan && holds "$OUT" "$vf" || return
    full_configuration | configure
    exits 0 buslane apply --yes && same "the host" "$(fingerprint)" "$ready"
}
events_followed() {
    kill "$following" 2>/dev/null
    jq -e . /tmp/followed >/dev/null || why "not all lines are JSON: $(tail -n 1 /tmp/followed)" || return
    same "the kinds" "$(jq -r .kind /tmp/followed | sort -u | paste -sd' ')" "applied drifted repaired"
}

drift_checks() {
    buslane events --follow --json >/tmp/followed &
    following=$!
    check "VFs removed by hand are reported, and made again" drift_of_vfs
    check "a VF unbound by hand is bound again" drift_of_binding
    check "a claim's VF gets its VLAN back" drift_of_claim
    check "with repair: report drift is only reported; apply then repairs it" drift_reported
    check "events --follow printed each of these events" events_followed
}
