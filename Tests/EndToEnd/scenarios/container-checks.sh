# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A VF whose interface a container has: another network namespace, of which the host's tables say nothing.

inside() { same "the VF's interfaces here" "$(ls "$PCI/$lent/net")" ""; }
lend() {
    exits 0 buslane release --for errors || return
    configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$LANES"] }, vfCount: 2, vfDriver: igbvf }
pools:
  - { name: lent, select: { addresses: ["$(vfs "$LANES" | sed -n 2p)"] } }
  - { name: lanes, select: { physicalFunctions: ["$LANES"], kinds: [virtual-function] } }
YAML
    exits 0 buslane apply --yes || return
    lent=$(vfs "$LANES" | sed -n 2p)
    udevadm settle
    interface=$(netdev "$lent")
    ip netns add inside && ip link set "$interface" netns inside && inside
}
lent_shown() {
    exits 0 buslane inventory --address "$lent" --json || return
    holds "$(jq -c '.functions[0].holders' <<<"$OUT")" "network namespace"
}
lent_kept() {
    exits 1 buslane allocate lent --for anyone && one_error && holds "$ERR" "$lent" "another network namespace" || return
    exits 0 buslane allocate lanes --for anyone --quiet || return
    local id=$OUT
    exits 75 buslane allocate lanes --for another || exits 1 buslane allocate lanes --for another || return
    exits 0 buslane release "$id" || return
    same "its driver" "$(driver "$lent")" igbvf && inside
}
lent_counts() {
    sed -i 's/vfCount: 2/vfCount: 3/' /etc/buslane/buslane.yaml
    exits 0 buslane plan && holds "$OUT" "other network namespaces of $lent" || return
    exits 1 buslane apply && one_error && holds "$ERR" "$lent" "other network namespaces" || return
    same "the card's VFs" "$(numvfs "$LANES")" 2 && inside || return
    sed -i 's/vfCount: 3/vfCount: 2/' /etc/buslane/buslane.yaml
}
# The kernel gives a physical interface back to the host when the namespace ends, in its own time.
lent_back() {
    ip netns del inside && wait_for 60 is_back || why "its interface is not back" || return
    exits 0 buslane allocate lent --for anyone --quiet && exits 0 buslane release "$OUT"
    same "its driver" "$(driver "$lent")" igbvf
}
is_back() { [ -n "$(netdev "$lent")" ]; }

container_checks() {
    lent="" interface=""
    check "a VF's interface is moved into another network namespace" lend
    check "the inventory shows it as used" lent_shown
    check "a claim of it is refused with the way out, and the other VF is given" lent_kept
    check "a plan that would remove it says so, and is not applied without confirmation" lent_counts
    check "after the namespace has ended it is given" lent_back
}
