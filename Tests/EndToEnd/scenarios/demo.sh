#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job as a demonstration: what the host has, a VF for a guest, its frame
# on the wire, everything released.
set -euo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"

mac=52:54:00:bb:00:01 vlan=42 number=0
bold="" dim="" green="" plain=""
if [ -n "${LAB_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'; fi

stage() {
    number=$((number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$*" "$plain"
}
tell() { printf '   %s\n' "$*"; }
indent() { sed 's/^/   /'; }
# shown COMMAND…: the command as one would type it, then what it prints
shown() {
    printf '   %s$ %s%s\n' "$dim" "$*" "$plain"
    "$@" 2>&1 | indent
}
stopped() {
    printf '\nThe demo stopped here. What the daemon says:\n'
    journalctl -u buslaned -o cat -n 8 --no-pager | indent
}
trap stopped ERR

systemctl enable --quiet --now buslaned
mkdir -p /etc/buslane
cat >/etc/buslane/buslane.yaml <<YAML
physicalFunctions:
  - select: { vendors: ["8086"], devices: ["10c9"] }
    vfCount: 2
    vfDriver: vfio-pci
    driversAutoprobe: false
pools:
  - name: dataplane
    select: { kinds: [virtual-function], vendors: ["8086"], devices: ["10ca"] }
    numa: preferred
YAML

stage "The host as found: two SR-IOV cards, one on each NUMA node, and an NVMe controller"
shown buslane inventory --pf

stage "Cut the cards into virtual functions"
sed 's/^/     /' /etc/buslane/buslane.yaml
shown buslane plan
shown buslane apply --yes | grep -vE '→|\(declared\)|steps' # the plan's lines again

stage "Claim one on NUMA node 1 for the guest fw1, with its MAC and VLAN"
nested_domain fw1 >/tmp/fw1.xml
virsh --quiet define /tmp/fw1.xml
virsh dumpxml --inactive fw1 >/tmp/before.xml
shown buslane allocate dataplane --for domain:fw1 --numa required:1 --mac "$mac" --vlan "$vlan"

stage "Put it into fw1's XML"
shown buslane domain attach fw1
virsh dumpxml --inactive fw1 >/tmp/after.xml
diff /tmp/before.xml /tmp/after.xml >/tmp/difference || true
added=$(sed -n 's/^> /+ /p' /tmp/difference)
gone=$(grep -c '^<' /tmp/difference || true)
sed -n '/<interface/,/<\/interface>/p' <<<"$added" | sed "s/^/   $green/; s/\$/$plain/"
tell "$(grep -c . <<<"$added") lines added, $gone removed"

stage "Start the guest: libvirt asks Buslane's hook first"
since=$(date '+%F %T')
shown virsh --quiet start fw1
journalctl -u buslaned -o cat --no-pager --since "$since" | grep -m 1 fw1 | indent || true
tell "fw1 is $(virsh domstate fw1 | head -n 1), with $(virsh dumpxml fw1 | grep -c "type='hostdev'") device of Buslane's"

stage "The wire of node 1's card, outside the host"
tell "waiting for the guest's first frame (its firmware asks for an address)"
wire=$(wait_for 600 frame "$LAB_WIRE_NODE1" "$mac" "$vlan")
tell "${wire%%, length*}"
tell "${green}source MAC $mac, VLAN $vlan: the claim's own$plain"

stage "A claim in use is safe"
shown buslane release --for domain:fw1 || true

stage "Stop the guest and release everything"
virsh --quiet destroy fw1
shown buslane release --for domain:fw1
virsh --quiet undefine fw1
printf 'physicalFunctions: []\n' >/etc/buslane/buslane.yaml
shown buslane apply --yes
for pf in "$PF0" "$PF1"; do
    [ "$(numvfs "$pf")" = 0 ]
    tell "$pf: sriov_numvfs 0, sriov_drivers_autoprobe $(cat "$PCI/$pf/sriov_drivers_autoprobe"), as found"
done

printf '\n%sTook %d min %d s%s inside the emulated host, software emulation and all.\n' "$bold" $((SECONDS / 60)) $((SECONDS % 60)) "$plain"
printf 'Try next: make lab   (a root shell in this host: buslane inventory --tree, buslane pools, buslane audit)\n'
