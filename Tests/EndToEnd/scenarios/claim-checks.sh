# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Several devices at once, functions that come with others, owners that end. Sourced by main-job.sh.

claim_checks() {
    check "devices of two pools come together, on one node, a claim each" two_pools
    check "where one of the pools has none, nothing is claimed" two_pools_or_none
    check "a MAC address that another owner's VF of the card has is refused" mac_twice
    check "the second function of a card comes with the first, and both come back to their driver" companions
    check "a companion that the host uses is refused with its interface" companion_in_use
    check "the claims of a process are released when it has ended" process_ends
    check "the claims of a unit are released when it has been stopped for the grace time" unit_stops
}

two_pools() {
    exits 0 buslane allocate --device lane0=dataplane,vlan=77 --device disk0=disks --for together --numa required --json || return
    same "the nodes" "$(jq -r '[.claims[].assignments[].numaNode] | unique | join(",")' <<<"$OUT")" 1 || return
    same "the pools" "$(jq -r '[.claims[].pool] | join(",")' <<<"$OUT")" dataplane,disks || return
    same "the names" "$(jq -r '[.claims[].assignments[].name] | join(",")' <<<"$OUT")" lane0,disk0 || return
    same "the lane's driver" "$(driver "$(jq -r '.claims[0].assignments[0].address' <<<"$OUT")")" vfio-pci || return
    exits 0 buslane release --for together
}

two_pools_or_none() {
    exits 0 buslane allocate disks --count 2 --for everything || return
    exits 75 buslane allocate --device lane0=dataplane --device disk0=disks --for together || return
    one_error || return
    holds "$ERR" disks || return
    same "the claims" "$(buslane claims --json | jq -r '[.claims[].pool] | join(",")')" disks || return
    exits 0 buslane release --for everything
}

mac_twice() {
    exits 0 buslane allocate dataplane --for first --numa required:1 --mac 52:54:00:bb:00:77 || return
    exits 1 buslane allocate dataplane --for second --numa required:1 --mac 52:54:00:bb:00:77 || return
    one_error || return
    holds "$ERR" 52:54:00:bb:00:77 first "$PF1" || return
    exits 0 buslane release --for first
}

companions() {
    exits 0 buslane allocate twins --for twins --name both --json || return
    same "what is assigned" "$(jq -r '[.claims[].assignments[] | "\(.name) \(.address) \(.companionOf)"] | join("; ")' <<<"$OUT")" \
        "both $TWIN_A null; both-f1 $TWIN_B both" || return
    same "their drivers" "$(driver "$TWIN_A") $(driver "$TWIN_B")" "vfio-pci vfio-pci" || return
    exits 0 buslane release --for twins || return
    same "their drivers afterwards" "$(driver "$TWIN_A") $(driver "$TWIN_B")" "e1000e e1000e"
}

companion_in_use() {
    local interface
    interface=$(netdev "$TWIN_B")
    ip link set "$interface" up || return
    exits 1 buslane allocate twins --for twins || return
    one_error && holds "$ERR" "$TWIN_B" "$interface" || return
    ip link set "$interface" down
    same "the first one's driver" "$(driver "$TWIN_A")" e1000e
}

claims_are_gone() { [ "$(buslane claims --json | jq '.claims | length')" = 0 ]; }

process_ends() {
    local pid
    sleep 1000 </dev/null >/dev/null 2>&1 &
    pid=$!
    exits 0 buslane allocate dataplane --for "pid:$pid" --json || return
    holds "$(jq -r '.claims[].owner' <<<"$OUT")" "process:$pid@" || return
    kill "$pid"
    wait_for 180 claims_are_gone || why "the claim is still there: $(buslane claims)" || return
    exits 1 buslane allocate dataplane --for "pid:$pid" || return
    one_error
}

unit_stops() {
    mkdir -p /run/systemd/system/buslaned.service.d
    printf '[Service]\nExecStart=\nExecStart=/usr/sbin/buslaned --owner-grace 3\n' >/run/systemd/system/buslaned.service.d/grace.conf
    systemctl daemon-reload && systemctl restart buslaned || return
    systemd-run --quiet --unit=lane-holder sleep 1000 || return
    exits 0 buslane allocate dataplane --for unit:lane-holder.service --quiet || return
    systemctl stop lane-holder
    wait_for 180 claims_are_gone || why "the claim is still there: $(buslane claims)" || return
    holds "$(buslane audit --json | jq -r '.entries[-1] | "\(.verb) \(.uid)"')" "release null" || return
    rm -r /run/systemd/system/buslaned.service.d
    systemctl daemon-reload && systemctl restart buslaned
}
