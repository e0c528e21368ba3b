# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A guest with NUMA nodes of its own, whose VF has a virtio interface as its standby: what the guest sees, what is on
# the wire, and how it is saved and restored. Needs live-checks.sh, whose pool and whose guest it takes.

team_mac=52:54:00:bb:00:21 team_vlan=46 team_console=/var/log/libvirt/qemu/team1-console.log

# Its first node's memory is on the host's node 0 by its own word: so the VF, which is on node 1, goes to its second.
team_domain() {
    cat <<XML
<domain type='qemu'>
  <name>team1</name>
  <metadata><b:request xmlns:b='urn:buslane:request:1' numa='required:1' align='auto'><b:device name='wan0' pool='lanes' vlan='$team_vlan' failover='ua-standby0'/></b:request></metadata>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <numatune><memnode cellid='0' mode='strict' nodeset='0'/></numatune>
$(live_boot)
  <cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/><cell id='1' cpus='1' memory='128' unit='MiB'/></numa></cpu>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <interface type='user'><mac address='$team_mac'/><model type='virtio'/><teaming type='persistent'/><alias name='ua-standby0'/></interface>
    <serial type='file'><source path='$team_console'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
XML
}

team_starts() {
    live_kernel
    team_domain >/tmp/team1.xml
    virsh --quiet define --validate /tmp/team1.xml || return
    team_is_bound() { [ "$(in_config team1)" = 1 ]; }
    wait_for 180 team_is_bound || why "no device: $(buslane events | tail -n 2)" || return
    holds "$(virsh dumpxml --inactive team1)" "model='pcie-expander-bus'" \
        "<memnode cellid='1' mode='strict' nodeset='1'/>" "<teaming type='transient' persistent='ua-standby0'/>" \
        "<mac address='$team_mac'/>" || return
    exits 0 virsh start team1
}
# The guest has it as soon as its driver of the standby says that it knows of such pairs
team_sees_node() {
    wait_for 600 grep -qs "lab-guest has .* 0x10ca on node" "$team_console" ||
        why "no VF in the guest: $(tail -n 3 "$team_console")" || return
    holds "$(grep 'lab-guest has' "$team_console")" "0x10ca on node 1" "0x1041 on node -1"
}
team_frame() { wait_for 600 frame "$LAB_WIRE_NODE1" "$team_mac" "$team_vlan" || why "no frame of $team_mac in VLAN $team_vlan"; }
team_frames() { tcpdump -r "$LAB_WIRE_NODE1" -nn "ether src $team_mac and vlan $team_vlan" 2>/dev/null | wc -l; }
team_beat() { sed -n 's/.*lab-guest beats //p' "$team_console" | tail -n 1 | tr -d '\r'; }
# team_is ADDRESS STATE: one claim, of that function, and the persistent XML says the same
team_is() {
    local claim
    claim=$(buslane claims --json | jq -c '[.claims[] | select(.ownerName == "team1")]')
    same "its claim" "$(jq -r '.[] | .assignments[].address + " " + .state' <<<"$claim")" "$1 $2" || return
    holds "$(virsh dumpxml --inactive team1)" "<address type='pci' domain='0x${1:0:4}' bus='0x${1:5:2}' slot='0x${1:8:2}' function='0x${1:11:1}'/>"
}
# libvirt pauses a guest before it saves it, and QEMU then waits without end for it to give the VF up
team_saved() {
    local vf beat frames nodes
    vf=$(buslane claims --json | jq -r '.claims[] | select(.ownerName == "team1") | .assignments[].address')
    team_is "$vf" inUse || return
    exits 0 buslane domain show team1 && holds "$OUT" "can migrate: yes" "before virsh save" "buslane domain evict team1" || return
    exits 0 buslane domain evict team1 --wait 60s && team_is "$vf" bound || return
    beat=$(team_beat)
    exits 0 virsh save team1 /var/tmp/team1.save && exits 0 virsh restore /var/tmp/team1.save || return
    rm -f /var/tmp/team1.save
    team_is "$vf" bound || return
    # Its console begins anew with the restored QEMU: the guest goes on counting where it was
    team_goes_on() { [ "$(team_beat)" -gt "$beat" ]; }
    wait_for 180 team_goes_on || why "the guest does not go on: $(tail -n 2 "$team_console")" || return
    frames=$(team_frames)
    exits 0 buslane domain readmit team1 && team_is "$vf" inUse || return
    team_has_it() { grep -qs "lab-guest has .* 0x10ca on node 1" "$team_console"; }
    wait_for 180 team_has_it || why "the guest has not its VF on its node again: $(tail -n 3 "$team_console")" || return
    team_sends() { [ "$(team_frames)" -gt "$frames" ]; }
    wait_for 600 team_sends || why "no frame of $team_mac since it was restored" || return
    exits 0 buslane domain show team1 && holds "$OUT" "near its devices: yes" || return
    same "its claims" "$(buslane claims --json | jq '[.claims[] | select(.ownerName == "team1")] | length')" 1
}
team_ends() {
    exits 0 virsh destroy team1 && virsh --quiet undefine team1 || return
    team_holds_nothing() { ! buslane claims --json | jq -e '.claims[] | select(.ownerName == "team1")' >/dev/null; }
    wait_for 180 team_holds_nothing || why "it still holds a claim"
}

team_checks() {
    check "the guest sees its VF on the node behind its expander bus, and nothing else there" team_sees_node
    check "the pair's frame is on the wire, with its MAC and its VLAN" team_frame
    check "evicted, saved, restored and readmitted, it has the same VF on the same node, and its MAC is on the wire" team_saved
    check "undefined, nothing of it is left" team_ends
}
