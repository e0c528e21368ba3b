# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine of one NUMA node, whose firmware gives functions none.

no_nodes() {
    same "the nodes of the functions in sysfs" "$(sort -u "$PCI"/*/numa_node)" -1 || return
    exits 0 buslane inventory --json || return
    same "the nodes in the inventory" "$(jq -c '[.functions[].numaNode] | unique' <<<"$OUT")" "[0]" &&
        same "the host's nodes" "$(jq -c '[.numaNodes[].id]' <<<"$OUT")" "[0]"
}
on_the_only_node() {
    exits 0 buslane apply --yes && exits 0 buslane allocate lanes --numa required:0 --for anyone --quiet || return
    exits 0 buslane release "$OUT"
    exits 0 buslane allocate lanes --numa socket:0 --for anyone --quiet && exits 0 buslane release "$OUT"
}
on_no_other_node() {
    exits 1 timeout 30 buslane allocate lanes --numa required:1 --wait 60s --for anyone && one_error || return
    same "the claims" "$(buslane claims --quiet)" ""
}
drawn() {
    exits 0 buslane topology || return
    holds "$OUT" "NUMA node 0" "$LANES" "3 of 7 VFs" || return
    exits 0 buslane topology --svg /tmp/host.svg && holds "$(cat /tmp/host.svg)" "$LANES"
}

node_checks() {
    check "the firmware gives no function a node; in the inventory all are on the only one" no_nodes
    check "--numa required:0 and socket:0 give a function" on_the_only_node
    check "--numa required:1 can never be: refused at once, with --wait too" on_no_other_node
    check "the picture has node 0 and the card" drawn
}
