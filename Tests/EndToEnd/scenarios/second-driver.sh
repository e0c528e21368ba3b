#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lab: topology virtio-cards
# lab: qemu backports
# A second kind of card with VFs: virtio-net, whose PF's driver enforces nothing for a VF.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"

VIRTIO=0000:01:00.0 IGB=0000:02:00.0 mac=52:54:00:bb:00:77

enforces_nothing() {
    same "the card's driver" "$(driver "$VIRTIO")" virtio-pci && same "its VFs at most" "$(cat "$PCI/$VIRTIO/sriov_totalvfs")" 3 || return
    exits 0 buslane inventory --address "$VIRTIO" --json || return
    same "its interface" "$(jq -r '.functions[0].interfaces[].name' <<<"$OUT")" "$(ls "$PCI/$VIRTIO"/virtio*/net)"
}
applied() {
    configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$VIRTIO"] }, vfCount: 3, vfDriver: vfio-pci }
  - { select: { addresses: ["$IGB"] }, vfCount: 1, vfDriver: vfio-pci }
pools:
  - { name: virtio, select: { physicalFunctions: ["$VIRTIO"], kinds: [virtual-function] } }
  - { name: mixed, select: { kinds: [virtual-function] } }
YAML
    exits 0 buslane apply --yes || return
    same "the VFs" "$(numvfs "$VIRTIO")" 3 || return
    for vf in $(vfs "$VIRTIO"); do same "$vf's driver" "$(driver "$vf")" vfio-pci || return; done
    exits 0 buslane plan && holds "$OUT" "nothing to do" || return
    ready=$(state)
}
state() {
    find "$PCI"/*/driver -maxdepth 0 -printf '%p %l\n'
    grep -H . "$PCI"/*/driver_override "$PCI"/*/sriov_numvfs
    buslane claims --json | jq -S .claims
    sqlite3 -readonly /var/lib/buslane/ledger.sqlite 'SELECT address FROM quarantine; SELECT count(*) FROM intent'
}
kernel_refuses() { exits 2 ip link set "$(ls "$PCI/$VIRTIO"/virtio*/net)" vf 0 mac "$mac"; }
# refused_setting OPTION VALUE: before any effect, with the PF and the reason
refused_setting() {
    exits 1 buslane allocate virtio --for anyone "$@" && one_error || return
    holds "$ERR" "$VIRTIO" virtio-pci "sets nothing for its VFs" "  fix: " || return
    same "the host and the claims" "$(state)" "$ready" || return
    exits 1 buslane allocate virtio --explain "$@" && holds "$OUT$ERR" "sets nothing for its VFs"
}
plain_claim() {
    local vf
    exits 0 buslane allocate virtio --for anyone --quiet || return
    vf=$(buslane claims --json | jq -r '.claims[].assignments[].address')
    same "its driver" "$(driver "$vf")" vfio-pci || return
    exits 0 buslane release "$OUT" && same "the host and the claims" "$(state)" "$ready"
}
# It is not started: the emulated VF does not pass the IOMMU, so a guest's frames would come from the host's memory.
plain_in_domain() {
    local xml
    nested_domain fw1 >/tmp/fw1.xml
    virsh --quiet define /tmp/fw1.xml || return
    exits 0 buslane allocate virtio --for domain:fw1 --quiet && exits 0 buslane domain attach fw1 || return
    xml=$(virsh dumpxml --inactive fw1)
    holds "$xml" "<hostdev mode='subsystem' type='pci'" && ! grep -q "<interface" <<<"$xml" || why "$xml" || return
    exits 0 buslane release --for domain:fw1 && exits 0 virsh --quiet undefine fw1 || return
    same "the host and the claims" "$(state)" "$ready"
}
other_card_chosen() {
    exits 0 buslane allocate mixed --for anyone --mac "$mac" --vlan 7 --quiet || return
    same "the function" "$(buslane claims --json | jq -r '.claims[].assignments[].address')" "$(vfs "$IGB")" || return
    holds "$(ip link show "$(netdev "$IGB")")" "$mac" "vlan 7" || return
    exits 0 buslane release "$OUT"
}
declared_setting() {
    sed "s/vfCount: 3, vfDriver: vfio-pci/&, vfs: [ { range: 0, vlan: 7 } ]/" /etc/buslane/buslane.yaml >/tmp/vlan.yaml
    exits 1 buslane plan -f /tmp/vlan.yaml && one_error && holds "$ERR" "$VIRTIO" "sets nothing for its VFs" || return
    exits 1 buslane apply --yes -f /tmp/vlan.yaml && one_error || return
    same "the host and the claims" "$(state)" "$ready"
}
gone() {
    printf 'physicalFunctions: []\n' | configure
    exits 0 buslane apply --yes && same "the VFs" "$(numvfs "$VIRTIO") $(numvfs "$IGB")" "0 0" || return
    same "the card's driver" "$(driver "$VIRTIO")" virtio-pci
}

systemctl enable --quiet --now buslaned
check "the daemon serves" wait_for 180 daemon_answers
check "a virtio card with VFs is a PF, with its interface" enforces_nothing
check "apply makes its VFs and binds them" applied
check "the kernel refuses a MAC address for such a VF" kernel_refuses
check "a claim with a MAC address is refused with the reason, before any effect" refused_setting --mac "$mac"
check "a claim with a VLAN is refused with the reason, before any effect" refused_setting --vlan 7
check "a claim without settings gets a VF, and its release restores it" plain_claim
check "in a domain such a VF is a plain hostdev, of which libvirt sets nothing" plain_in_domain
check "of a pool of both cards, a claim with settings gets a VF of the card that sets them" other_card_chosen
check "a declared VLAN of such a VF is refused by plan and apply" declared_setting
check "an empty configuration removes the VFs" gone
journalctl -b -u buslaned --no-pager >"$LAB_OUT/journal-ours.txt"
printf '\n# took %d s\n' "$SECONDS"
checks_end
