#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Proves the lab itself, without Buslane, step by step by hand: two VFs on the
# node-1 card, one given to a nested domain with a MAC and a VLAN of its own,
# and its frame on the wire.
set -euo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
mac=52:54:00:bb:00:01 vlan=42

step() { printf 'smoke: [%4d s] %s\n' "$SECONDS" "$*"; }
broken() {
    printf 'smoke: FAILED: %s\n' "$*"
    exit 1
}

step "creating 2 VFs on $PF1"
modprobe vfio-pci
echo 0 >"$PCI/$PF1/sriov_drivers_autoprobe"
echo 2 >"$PCI/$PF1/sriov_numvfs"
mapfile -t made < <(vfs "$PF1")
vf=${made[0]}
[ "${#made[@]}" -eq 2 ] || broken "2 VFs wanted, ${#made[@]} there"
[ "$(cat "$PCI/$vf/numa_node")" = 1 ] || broken "$vf is not on node 1"
[ -z "$(driver "$vf")" ] || broken "$vf was probed"

step "binding $vf (IOMMU group $(group "$vf")) to vfio-pci, MAC $mac, VLAN $vlan"
echo vfio-pci >"$PCI/$vf/driver_override"
echo "$vf" >/sys/bus/pci/drivers_probe
[ "$(driver "$vf")" = vfio-pci ] || broken "$vf has the driver '$(driver "$vf")'"
ip link set "$(netdev "$PF1")" vf 0 mac "$mac" vlan "$vlan"

step "starting a nested domain with it"
IFS=:. read -r _ bus slot function <<<"$vf"
nested_domain smoke "    <interface type='hostdev' managed='no'>
      <mac address='$mac'/>
      <source><address type='pci' domain='0x0000' bus='0x$bus' slot='0x$slot' function='0x$function'/></source>
      <vlan><tag id='$vlan'/></vlan>
    </interface>
" >/tmp/smoke.xml
virsh --quiet define --validate /tmp/smoke.xml
virsh --quiet start smoke

step "waiting for its frame on the wire"
wait_for 600 frame "$LAB_WIRE_NODE1" "$mac" "$vlan" || broken "no frame from $mac with VLAN $vlan on the wire"
step "stopping the domain and taking the VFs away"
virsh --quiet destroy smoke
virsh --quiet undefine smoke
echo 0 >"$PCI/$PF1/sriov_numvfs"
echo 1 >"$PCI/$PF1/sriov_drivers_autoprobe"
[ "$(numvfs "$PF1")" = 0 ] || broken "the VFs did not go"
step "the lab works"
