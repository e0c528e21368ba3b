#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the hook adds to a start: of a domain that is none of Buslane's, beside `/bin/sh -c 'cat >/dev/null'` as the hook;
# and of one whose device it claims, binds to vfio-pci and hands out, beside the kernel's own time for the binding.
# And the pure filter on a document of 2,000 lines, beside one of a few lines and a program that only starts.
# In turn, several rounds. Writes milliseconds to $LAB_OUT/hook.json.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
HOOK=/etc/libvirt/hooks/qemu.d/50-buslane ROUNDS=${ROUNDS:-20}

fail() {
    printf 'not ok %s\n' "$*"
    exit 1
}
# took FILE COMMAND…: adds its microseconds to the file
took() {
    local file=$1 before=${EPOCHREALTIME/./}
    shift
    "$@" || fail "$*"
    echo $((${EPOCHREALTIME/./} - before)) >>"/tmp/took-$file"
}

configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF0", "$PF1"] }, vfCount: 2 }
pools: [ { name: lanes, select: { kinds: [virtual-function], physicalFunctions: ["$PF0", "$PF1"] } } ]
YAML
systemctl start buslaned
wait_for 180 daemon_answers && buslane apply --yes >/dev/null || fail "the VFs were not made"
modprobe vfio-pci

# A domain of ordinary size: as libvirt shows it, with a dozen disks
disks=$(for disk in b c d e f g h i j k l m; do
    printf "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n      <source file='/var/lib/libvirt/images/serve-%s.qcow2'/>\n      <target dev='vd%s' bus='virtio'/>\n      <alias name='virtio-disk-%s'/>\n    </disk>\n" $disk $disk $disk
done)
nested_domain plain "$disks
" >/tmp/plain.xml
sed "s|<name>plain|<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><name>asking|; s|<vcpu>|<metadata><b:request xmlns:b='urn:buslane:request:1' binding='running'><b:device name='d' pool='lanes'/></b:request></metadata><vcpu>|" \
    /tmp/plain.xml >/tmp/asking.xml

# A domain of 2,000 lines: interfaces of seven lines each
{
    printf "<domain type='kvm'>\n  <name>broker</name>\n  <memory unit='GiB'>8</memory>\n  <vcpu>8</vcpu>\n  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n  </os>\n  <devices>\n"
    for lane in $(seq 284); do
        printf "    <interface type='network'>\n      <mac address='52:54:01:00:%02x:%02x'/>\n      <source network='lane%s' portgroup='a&amp;b'/>\n      <model type='virtio'/>\n      <driver name='vhost' queues='4'/>\n      <!-- lane %s -->\n    </interface>\n" $((lane / 256)) $((lane % 256)) "$lane" "$lane"
    done
    printf "    <!-- -->\n    <!-- -->\n  </devices>\n</domain>\n"
} >/tmp/large.xml
[ "$(wc -l </tmp/large.xml)" -eq 2000 ] || fail "the document has $(wc -l </tmp/large.xml) lines"
printf "<domain type='kvm'>\n  <name>broker</name>\n  <devices>\n  </devices>\n</domain>\n" >/tmp/small.xml
inject() { buslane domain inject --xml-only --device 0000:3b:10.0,mac=52:54:00:11:22:33,vlan=42,name=data0 <"$1" >/tmp/injected.xml; }
version() { buslane --version >/dev/null; }

sh_hook() { /bin/sh -c 'cat >/dev/null' sh plain prepare begin - </tmp/plain.xml; }
our_hook() { "$HOOK" plain prepare begin - </tmp/plain.xml; }
asking() { "$HOOK" asking prepare begin - </tmp/asking.xml; }
bare=$(vfs "$PF1" | tail -n 1)
bind_bare() {
    echo vfio-pci >"$PCI/$bare/driver_override"
    echo "$bare" >/sys/bus/pci/drivers_probe
}
unbind_bare() {
    echo "$bare" >"$PCI/$bare/driver/unbind"
    echo >"$PCI/$bare/driver_override"
}

rm -f /tmp/took-*
for round in $(seq 0 "$ROUNDS"); do
    took sh sh_hook
    took hook our_hook
    took large inject /tmp/large.xml
    grep -q ua-buslane-data0 /tmp/injected.xml || fail "nothing was put in"
    took small inject /tmp/small.xml
    took version version
    took bind bind_bare
    [ "$(driver "$bare")" = vfio-pci ] || fail "$bare is not bound"
    unbind_bare
    udevadm settle
    took asking asking
    [ "$(driver "$(buslane claims --json | jq -r '.claims[0].assignments[0].address')")" = vfio-pci ] || fail "nothing was bound"
    "$HOOK" asking release end shutdown </tmp/asking.xml || fail release
    udevadm settle
    # The first one finds nothing in the page cache
    [ "$round" -gt 0 ] || rm -f /tmp/took-*
done
for kind in sh hook bind asking large small version; do
    jq -s --arg kind $kind '{($kind): map(. / 1000)}' "/tmp/took-$kind"
done | jq -s 'add' >"$LAB_OUT/hook.json"
jq -c 'map_values(sort | .[length / 2 | floor])' "$LAB_OUT/hook.json"
echo "ok the hook's cost was measured"
