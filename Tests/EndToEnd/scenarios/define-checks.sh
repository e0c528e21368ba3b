# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Domains with a request: their devices are claimed and added when they are
# defined or started, also when a program is killed in between. Needs
# guest-tools.sh, checks.sh, a daemon and libvirtd; has its own configuration,
# and leaves no domain and no claim.

define_configuration() {
    cat <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF0"] }, vfCount: 4, driversAutoprobe: false, vfDriver: vfio-pci }
  - { select: { addresses: ["$PF1"] }, vfCount: 3, driversAutoprobe: false, vfDriver: vfio-pci }
pools:
  - { name: far, select: { physicalFunctions: ["$PF0"], kinds: [virtual-function] } }
  - { name: near, select: { physicalFunctions: ["$PF1"], kinds: [virtual-function] } }
YAML
}

# asking NAME BINDING DEVICES: the XML of a nested domain with that request; defined again, it is the same domain
asking() {
    nested_domain "$1" | sed "s|<name>$1</name>|&<uuid>$(cat /proc/sys/kernel/random/uuid)</uuid>|
        s|^  <memory |  <metadata><b:request xmlns:b='urn:buslane:request:1' binding='$2'>$3</b:request></metadata>\n&|"
}
persistent() { virsh dumpxml --inactive "$1" 2>/dev/null; }
has_device() { persistent "$1" | grep -q "ua-buslane-$2'"; }
lacks_device() { persistent "$1" | grep -q '<domain' && ! has_device "$1" "$2"; }
runs_with() { virsh dumpxml "$1" 2>/dev/null | grep -q "ua-buslane-$2'"; }
says() { persistent "$1" | grep -q "$2"; }
state_is() { [ "$(virsh domstate "$1" 2>/dev/null | head -n 1)" = "$2" ]; }
# claims_of NAME: its claims' functions, a line each
claims_of() { buslane claims --json | jq -r --arg n "$1" '.claims[] | select(.ownerName == $n) | .assignments[].address'; }
has_no_claim() { [ -z "$(claims_of "$1")" ]; }
event_of() { buslane events --json | jq -e --arg s "$1" --arg d "$2" '.events[] | select(.subject == $s and (.detail | contains($d)))' >/dev/null; }
syncs_of() { buslane audit --json | jq --arg n "$1" '[.entries[] | select(.verb == "domain sync" and .subject == $n and .result == "done")] | length'; }
# edit NAME SED-SCRIPT: virsh edit, with sed as the editor
edit() {
    printf '%s\n' "$2" >/tmp/editor.sed
    printf '#!/bin/sh\nexec sed -i -f /tmp/editor.sed "$1"\n' >/tmp/editor
    chmod +x /tmp/editor
    EDITOR=/tmp/editor virsh --quiet edit "$1"
}
# What Buslane may change of the VFs
vf_states() {
    local vf
    for vf in $(vfs "$PF0") $(vfs "$PF1"); do echo "$vf $(driver "$vf") $(cat "$PCI/$vf/driver_override")"; done
    ip link show "$(netdev "$PF0")" | grep ' vf '
    ip link show "$(netdev "$PF1")" | grep ' vf '
}
# one_owner: no function is claimed twice, each is in one persistent XML at most
one_owner() {
    local twice
    twice=$(buslane claims --json | jq -r '.claims[].assignments[].address' | sort | uniq -d)
    [ -z "$twice" ] || why "claimed twice: $twice" || return
    twice=$(for name in $(virsh list --all --name); do
        persistent "$name" | grep -A12 "<interface type='hostdev'" | grep "<address type='pci' domain='0x0000' bus='0x\(41\|81\|42\|82\)"
    done | sort | uniq -d)
    [ -z "$twice" ] || why "in two domains: $twice"
}

define_mac=52:54:00:bb:10:01 start_mac=52:54:00:bb:10:02

bound_when_defined() {
    asking d1 defined "<b:device name='data0' pool='near' mac='$define_mac' vlan='42'/>" >/tmp/d1.xml
    virsh --quiet define --validate /tmp/d1.xml || return
    wait_for 180 has_device d1 data0 || why "d1 has no device: $(buslane events | tail -n 2)" || return
    holds "$(persistent d1)" "<mac address='$define_mac'/>" "<tag id='42'/>" "urn:buslane:assignment:1" || return
    same "d1's claims" "$(claims_of d1 | wc -l)" 1 || return
    sleep 3
    same "the definitions made for it" "$(syncs_of d1)" 1
}
bound_one_starts() { exits 0 virsh start d1 && state_is d1 running && runs_with d1 data0; }
started_by_buslane() {
    asking d7 running "<b:device name='data0' pool='near' mac='$start_mac' vlan='47'/>" >/tmp/d7.xml
    virsh --quiet define /tmp/d7.xml && persistent d7 >/tmp/d7-before.xml || return
    exits 0 buslane domain start d7 && state_is d7 running && runs_with d7 data0 || return
    persistent d7 | diff /tmp/d7-before.xml - >/tmp/difference || why "the persistent XML changed: $(head -n 3 /tmp/difference)" || return
    same "d7's claims" "$(claims_of d7 | wc -l)" 1
}
# Meanwhile libvirtd was restarted and killed, and the daemon killed six times
frame_when_started() {
    state_is d7 running && same "d7's claims" "$(claims_of d7 | wc -l)" 1 || return
    wait_for 600 frame "$LAB_WIRE_NODE1" "$start_mac" 47 || why "no frame from $start_mac in VLAN 47" || return
    virsh --quiet destroy d7 || return
    wait_for 180 has_no_claim d7 || why "d7 still holds $(claims_of d7)" || return
    ! grep -q "$start_mac" <<<"$(ip link show "$(netdev "$PF1")")" || why "its MAC address is left on the VF" || return
    virsh --quiet undefine d7
}
edited_while_running() {
    edit d1 "s/vlan=\"42\"\/>/vlan=\"43\"\/><b:device name=\"data1\" pool=\"far\"\/>/" || return
    wait_for 180 has_device d1 data1 || why "the new device is not in the persistent XML: $(buslane events | tail -n 2)" || return
    ! runs_with d1 data1 || why "the running guest was changed" || return
    wait_for 180 event_of d1 "when it has stopped" || why "no event says that it waits for the stop" || return
    holds "$(persistent d1)" "<tag id='42'/>" && same "d1's claims" "$(claims_of d1 | wc -l)" 2
}
libvirtd_restarted() {
    systemctl restart libvirtd
    asking d2 defined "<b:device name='data0' pool='far'/>" >/tmp/d2.xml
    virsh --quiet define /tmp/d2.xml || return
    wait_for 180 has_device d2 data0 || why "no event of libvirtd since its restart" || return
    wait_for 180 is_in_hand d1 || why "libvirtd does not take d1 up" || return
    state_is d1 running || why "d1 is $(virsh domstate d1)" || return
    one_owner
}
libvirtd_killed() {
    systemctl kill -s KILL libvirtd
    wait_for 180 virsh --quiet list >/dev/null 2>&1
    edit d2 "s/<b:device name=\"data0\" pool=\"far\"\/>//" || return
    wait_for 180 lacks_device d2 data0 || why "no event of libvirtd since it was killed" || return
    wait_for 180 has_no_claim d2 || why "d2 still holds $(claims_of d2)" || return
    wait_for 180 is_in_hand d1 || why "libvirtd does not take d1 up" || return
    state_is d1 running || why "d1 is $(virsh domstate d1)"
}
libvirtd_hung() {
    local pid
    pid=$(systemctl show -P MainPID libvirtd)
    kill -STOP "$pid"
    run timeout 180 buslane domain attach d1
    daemon_answers || { kill -CONT "$pid"; why "the daemon does not answer either"; return; }
    kill -CONT "$pid"
    # The daemon's own deadline of a call, or libvirt's keepalive: which comes first depends on when the call began.
    same "the exit code" "$STATUS" 75 && { holds "$ERR" "libvirt does not answer" || holds "$ERR" "keepalive timeout"; }
}
daemon_dead_at_define() {
    kill -KILL "$(systemctl show -P MainPID buslaned)"
    virsh --quiet define /tmp/d2.xml || return
    wait_for 180 daemon_answers || why "the daemon is not back" || return
    wait_for 180 has_device d2 data0 || why "the domain defined meanwhile has no device" || return
    state_is d1 running && one_owner
}
# defined_and_killed before|between|after: defines d3, and kills the daemon before it has read the definition, in the commit
# of the claims, or as soon as the domain has its devices
defined_and_killed() {
    local pid
    pid=$(systemctl show -P MainPID buslaned)
    case $1 in
    before)
        kill -STOP "$pid"
        virsh --quiet define /tmp/d3.xml || return
        kill -KILL "$pid"
        ;;
    between)
        killed_at fdatasync || return
        virsh --quiet define /tmp/d3.xml && wait_for 180 died || { spared; why "no commit after the definition"; return; }
        same "what d3 has between claim and definition" "$(d3_at_death)" "2 claims, 0 devices"
        ;;
    after)
        virsh --quiet define /tmp/d3.xml && wait_for 180 has_device d3 b || why "d3 has no device" || return
        kill -KILL "$pid"
        ;;
    esac
}
# By a copy of the ledger's files, since no daemon answers
d3_at_death() {
    cp /var/lib/buslane/ledger.sqlite /tmp/death.sqlite && cp /var/lib/buslane/ledger.sqlite-wal /tmp/death.sqlite-wal
    echo "$(sqlite3 /tmp/death.sqlite "SELECT count(*) FROM claim WHERE ownerName = 'd3' AND state <> 'released'") claims," \
        "$(persistent d3 | grep -c "ua-buslane-") devices"
}
daemon_killed_often() {
    local moment
    asking d3 defined "<b:device name='a' pool='far'/><b:device name='b' pool='far'/>" >/tmp/d3.xml
    for moment in before between after between after; do
        defined_and_killed $moment || return
        started_again || return
        wait_for 180 has_device d3 b || why "killed $moment: no device: $(buslane events | tail -n 2)" || return
        same "d3's claims" "$(claims_of d3 | wc -l)" 2 && one_owner || return
        virsh --quiet undefine d3
        wait_for 180 has_no_claim d3 || why "d3 still holds $(claims_of d3)" || return
    done
    same "steps left open" "$(sqlite3 -readonly /var/lib/buslane/ledger.sqlite 'SELECT count(*) FROM intent')" 0
}
killed_around_definition() {
    restarted_by_hand
    run daemon_killed_often
    restarted_by_hand no
    systemctl start buslaned
    [ "$STATUS" -eq 0 ] || why "$OUT"
}
frame_when_bound() { wait_for 600 frame "$LAB_WIRE_NODE1" "$define_mac" 42 || why "no frame from $define_mac in VLAN 42"; }
changed_after_stop() {
    virsh --quiet destroy d1 || return
    wait_for 180 says d1 "<tag id='43'/>" || why "the change was not made after the stop: $(buslane events | tail -n 2)" || return
    holds "$(ip link show "$(netdev "$PF1")")" "$define_mac" "vlan 43"
}
taken_out_stays_out() {
    # The last interface, which is data1's, by hand
    persistent d1 >/tmp/d1-full.xml
    awk '/<interface/ { block = ""; inside = 1 } inside { block = block $0 "\n" } !inside { print }
        inside && /<\/interface>/ { inside = 0; if (block !~ /ua-buslane-data1/) printf "%s", block }' /tmp/d1-full.xml >/tmp/d1-less.xml
    virsh --quiet define /tmp/d1-less.xml || return
    wait_for 180 holds_one d1 || why "its claim was not released" || return
    sleep 2
    ! has_device d1 data1 || why "it was added again"
}
holds_one() { [ "$(claims_of "$1" | wc -l)" -eq 1 ]; }
autostarted() {
    virsh --quiet autostart d1 || return
    systemctl stop libvirtd
    rm -f /run/libvirt/qemu/autostarted /run/libvirt/qemu/driver.autostarted
    systemctl start libvirtd
    wait_for 180 state_is d1 running || why "d1 is $(virsh domstate d1): $(journalctl -u libvirtd -o cat -n 3)" || return
    runs_with d1 data0 || why "without its device"
}
undefined_while_running() {
    virsh --quiet undefine d1 || return
    sleep 2
    same "d1's claims while it runs" "$(claims_of d1 | wc -l)" 1 || return
    virsh --quiet destroy d1 || return
    wait_for 180 has_no_claim d1 || why "d1 still holds $(claims_of d1)"
}
missing_port_is_reported() {
    # libvirt itself leaves a port or two free
    asking d6 running "$(printf "<b:device name='d%s' pool='far'/>" 1 2 3 4 5 6 7 8)" >/tmp/d6.xml
    virsh --quiet define /tmp/d6.xml || return
    wait_for 180 event_of d6 "free hot-plug port" || why "no event: $(buslane events | tail -n 2)" || return
    lacks_device d6 d1 && has_no_claim d6 || return
    virsh --quiet undefine d6
}
plugged_in_at_start() {
    asking d5 running "<b:device name='data0' pool='near' mac='$define_mac' vlan='44'/>" >/tmp/d5.xml
    virsh --quiet define /tmp/d5.xml || return
    edit d5 "s/<\/devices>/<controller type='pci' model='pcie-root-port'\/><controller type='pci' model='pcie-root-port'\/><\/devices>/" || return
    persistent d5 >/tmp/d5-before.xml
    exits 0 virsh start d5 || return
    wait_for 180 runs_with d5 data0 || why "not plugged in: $(buslane events | tail -n 2)" || return
    persistent d5 | diff /tmp/d5-before.xml - >/tmp/difference || why "the persistent XML changed: $(head -n 3 /tmp/difference)" || return
    holds "$(ip link show "$(netdev "$PF1")")" "$define_mac" "vlan 44" || return
    same "d5's claims" "$(claims_of d5 | wc -l)" 1
}
released_at_stop() {
    virsh --quiet destroy d5 || return
    wait_for 180 has_no_claim d5 || why "d5 still holds $(claims_of d5)" || return
    virsh --quiet undefine d5
}
# virt_install_prints NAME REQUEST: what virt-install would start, with a request in its metadata
virt_install_prints() {
    virt-install --connect qemu:///system --virt-type qemu --name "$1" --memory 96 --vcpus 1 --osinfo detect=off,require=off \
        --machine q35 --disk none --network none --graphics none \
        --import --boot kernel=/var/lib/libvirt/boot/ipxe.lkrn,initrd=/var/lib/libvirt/boot/wire.ipxe --print-xml |
        sed "s|^  <memory>|  <metadata>$2</metadata>\n&|"
}
transient_through_filter() {
    virt_install_prints t1 "<b:request xmlns:b='urn:buslane:request:1'><b:device name='data0' pool='near' vlan='45'/></b:request>" >/tmp/t1.xml
    buslane domain inject </tmp/t1.xml | tee /tmp/t1-full.xml | virsh --quiet create --validate /dev/stdin || return
    holds "$(cat /tmp/t1.xml)" urn:buslane:request:1 '<domain type="qemu">' || return
    ! diff /tmp/t1.xml /tmp/t1-full.xml | grep '^<' || why "lines of it are gone" || return
    buslane domain inject </tmp/t1-full.xml | diff /tmp/t1-full.xml - >/tmp/difference || why "a second time changes it: $(head -n 3 /tmp/difference)" || return
    runs_with t1 data0 || why "it runs without its device" || return
    same "t1's claims" "$(claims_of t1 | wc -l)" 1 || return
    virsh --quiet destroy t1
    exits 0 buslane release "$(buslane claims --json | jq -r '.claims[] | select(.ownerName == "t1") | .id')"
}
foreign_is_held() {
    local vf
    vf=$(vfs "$PF1" | tail -n 1)
    nested_domain h1 "    <hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0x0000' bus='0x${vf:5:2}' slot='0x${vf:8:2}' function='0x${vf:11:1}'/></source></hostdev>
" >/tmp/h1.xml
    virsh --quiet define /tmp/h1.xml || return
    wait_for 180 near_holds_two || why "$(buslane pools)" || return
    exits 75 buslane allocate near --for me --count 3 && holds "$ERR" "in the XML of domain h1" || return
    virsh --quiet undefine h1
}
near_holds_two() { [ "$(buslane pools --json | jq '.pools[] | select(.name == "near") | .free')" -eq 2 ]; }
refused_ones_change_nothing() {
    asking w1 defined "<b:device name='data0' pool='nosuch'/>" >/tmp/w1.xml
    virsh --quiet define /tmp/w1.xml || return
    wait_for 180 event_of w1 "there is no pool 'nosuch'" || why "no event: $(buslane events | tail -n 2)" || return
    lacks_device w1 data0 && has_no_claim w1 || return
    exits 1 virsh start w1 && holds "$ERR" buslane: || return
    virsh --quiet undefine w1
}
define_leaves_nothing() {
    local name
    for name in d1 d2 d3 d5 d6 d7 t1 h1 w1; do
        virsh --quiet destroy "$name" 2>/dev/null
        virsh --quiet undefine "$name" 2>/dev/null
    done
    wait_for 180 has_no_claim d2 || why "d2 still holds $(claims_of d2)" || return
    same "the claims" "$(buslane claims --quiet)" "" || return
    same "functions in quarantine" "$(sqlite3 -readonly /var/lib/buslane/ledger.sqlite 'SELECT count(*) FROM quarantine')" 0 || return
    same "the VFs" "$(vf_states)" "$define_ready"
}

define_checks() {
    define_configuration | configure
    check "cards are made for domains that ask" exits 0 buslane apply --yes
    define_ready=$(vf_states)
    check "a defined domain gets the devices that it requests, in one definition" bound_when_defined
    check "it starts" bound_one_starts
    check "domain start: a domain that claims at each start runs with its device, its persistent XML unchanged" started_by_buslane
    check "virsh edit while it runs: a new device is in the persistent XML, a changed one waits for its stop" edited_while_running
    check "libvirtd restarts: the guest runs on, and its events arrive again" libvirtd_restarted
    check "libvirtd is killed: the guest runs on, and a device removed from a request is released" libvirtd_killed
    check "a libvirtd that hangs is reported, and does not stop the daemon" libvirtd_hung
    check "a domain defined while the daemon is down is bound when it is back" daemon_dead_at_define
    check "kill -9 before, between and after claim and definition: one owner, nothing lost, nothing left" killed_around_definition
    check "the frame of the domain bound at its definition is on the wire, with MAC and VLAN" frame_when_bound
    check "the frame of the domain bound at its start too; its claim is released when it stops" frame_when_started
    check "after its stop its device is changed as requested meanwhile" changed_after_stop
    check "a device that its owner removed is not added again" taken_out_stays_out
    check "libvirtd autostarts it" autostarted
    check "undefined while it runs, it keeps its device until it stops" undefined_while_running
    check "at its definition an event reports the missing port of a device that is plugged in at each start" missing_port_is_reported
    check "virsh start: claimed by the hook, plugged in by the daemon, the persistent XML unchanged" plugged_in_at_start
    check "at its stop the claim is released" released_at_stop
    check "a transient domain as virt-install prints it, through the filter into virsh create" transient_through_filter
    check "a function in a domain's XML is not allocated, and the refusal names the domain" foreign_is_held
    check "an unknown pool is reported, changes nothing, and the hook refuses the start" refused_ones_change_nothing
    check "afterwards nothing is left, and the VFs are as they were" define_leaves_nothing
}
