#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The main job with the installed Buslane: from an unconfigured host to a guest's
# frame on the wire, and back.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"
# shellcheck source=inventory-checks.sh
. "$(dirname "$0")/inventory-checks.sh"
# shellcheck source=drift-checks.sh
. "$(dirname "$0")/drift-checks.sh"
# shellcheck source=vf-settings.sh
. "$(dirname "$0")/vf-settings.sh"
# shellcheck source=permission-checks.sh
. "$(dirname "$0")/permission-checks.sh"
# shellcheck source=claim-checks.sh
. "$(dirname "$0")/claim-checks.sh"

mac=52:54:00:bb:00:01 vlan=42
part() { printf '\n# %s  [%d s]\n' "$*" "$SECONDS"; }

# ---- facts, read without Buslane

# address, vendor, device, driver, IOMMU group, NUMA node of every function
facts_of_sysfs() {
    local path node
    for path in "$PCI"/*; do
        node=$(cat "$path/numa_node")
        [ "$node" != -1 ] || node=null
        printf '%s %s %s %s %s %s\n' "${path##*/}" "$(sed s/^0x// "$path/vendor")" "$(sed s/^0x// "$path/device")" \
            "$(driver "${path##*/}" | grep . || echo null)" "$(group "${path##*/}")" "$node"
    done | sort
}
facts_of_lspci() {
    lspci -Dnk | awk '
        /^[0-9a-f]/ { if (a != "") print a, id, d; a = $1; id = $3; sub(":", " ", id); d = "null" }
        /Kernel driver in use:/ { d = $NF }
        END { print a, id, d }' | sort
}
inventory_facts='.functions[] | "\(.address) \(.vendor.id) \(.device.id) \(.driver) \(.iommuGroup) \(.numaNode)"'

# equal NAME-A FILE-A NAME-B FILE-B: prints the first differences
equal() {
    diff "$2" "$4" >/tmp/difference && return
    why "$1 (<) and $3 (>) differ: $(head -n 6 /tmp/difference)"
}

# Everything that Buslane may change. Few processes, since each is slow under software emulation.
fingerprint() {
    find "$PCI"/*/driver -maxdepth 0 -printf '%p %l\n'
    grep -H . "$PCI"/*/driver_override "$PCI"/*/sriov_numvfs "$PCI"/*/sriov_drivers_autoprobe
    vf_line "$PF0" 0
    vf_line "$PF1" 0
}
# vf_line PF INDEX: that VF's MAC and VLAN, as the kernel shows them
vf_line() {
    ip link show "$(netdev "$1")" |
        sed -nE "/^ *vf $2 /{s/.*link\/ether ([0-9a-f:]+)[^,]*,( vlan [0-9]+)?.*/\1\2/p}"
}

claim_field() { buslane claims --json | jq -r --arg id "$1" ".claims[] | select(.id == \$id) | $2"; }
addresses_of() { claim_field "$1" '.assignments[].address'; }
release_all() { buslane claims --quiet | while read -r id; do buslane release "$id" >/dev/null 2>&1 </dev/null; done; }

full_configuration() {
    cat <<YAML
physicalFunctions:
  - select: { addresses: ["$PF0"] }
    vfCount: 2
    driversAutoprobe: false
    vfDriver: vfio-pci
  - select: { vendors: ["8086"], devices: ["10c9"], numaNodes: [1] }
    vfCount: 2
    driversAutoprobe: false
    vfDriver: vfio-pci
  - select: { addresses: ["$NVME"] }
    vfCount: 2
    driversAutoprobe: false
    vfDriver: vfio-pci
pools:
  - name: dataplane
    select: { kinds: [virtual-function], vendors: ["8086"], devices: ["10ca"] }
    numa: preferred
  - name: disks
    select: { kinds: [virtual-function], vendors: ["1b36"] }
  - name: cards
    select: { addresses: ["$CARD"] }
  - name: bridged
    select: { addresses: ["$BRIDGED_A"] }
  - name: twins
    select: { addresses: ["$TWIN_A"] }
YAML
}

found=$(fingerprint)

# ----
part "the daemon and the inventory"

daemon_is_up() {
    systemctl enable --quiet --now buslaned || why "buslaned does not start: $(journalctl -u buslaned -o cat -n 3)" || return
    same "the unit's type" "$(systemctl show -P Type buslaned)" notify || return
    same "the unit's state" "$(systemctl is-active buslaned)" active
}
check "the daemon's unit is of type notify, and active" daemon_is_up

socket_is_the_groups() { same "the socket" "$(stat -c '%a %G' /run/buslane/buslane.sock)" "660 buslane"; }
check "only the group may use the socket" socket_is_the_groups

inventory_matches_kernel() {
    exits 0 buslane inventory --json || return
    jq -r "$inventory_facts" <<<"$OUT" | sort >/tmp/of-buslane
    facts_of_sysfs >/tmp/of-sysfs
    equal "the inventory" /tmp/of-buslane sysfs /tmp/of-sysfs || return
    cut -d' ' -f1-4 /tmp/of-buslane >/tmp/of-buslane-4
    facts_of_lspci >/tmp/of-lspci
    equal "the inventory" /tmp/of-buslane-4 lspci /tmp/of-lspci
}
check "the inventory is what sysfs and lspci say" inventory_matches_kernel

inventory_of_sriov() {
    exits 0 buslane inventory --json || return
    same "what the PFs are" "$(jq -r '[.functions[] | select(.role == "physical-function") | "\(.address) \(.sriov.totalVFs) \(.sriov.numVFs)"] | join(", ")' <<<"$OUT")" \
        "$PF0 7 0, $PF1 7 0, $NVME 4 0"
}
check "the inventory names the three cards that can have VFs" inventory_of_sriov

inventory_of_groups() {
    exits 0 buslane inventory --json || return
    jq -e --arg a "$BRIDGED_A" --arg b "$BRIDGED_B" '.iommuGroups[] | select(.functions | index($a)) |
        .viable == false and ([.blockers[].address] | index($a) != null and index($b) != null)' <<<"$OUT" >/dev/null ||
        why "the bridged cards' group: $(jq -c --arg a "$BRIDGED_A" '.iommuGroups[] | select(.functions | index($a))' <<<"$OUT")"
}
check "the bridged cards' group is not viable, and both block it" inventory_of_groups

inventory_without_daemon() {
    hardware='[.functions[] | del(.claim)]'
    exits 0 buslane inventory --json || return
    jq -S "$hardware" <<<"$OUT" >/tmp/with-daemon
    systemctl stop buslaned
    run buslane inventory --json
    systemctl start buslaned || return
    same "the exit code" "$STATUS" 0 || return
    holds "$ERR" "host itself" || return
    jq -S "$hardware" <<<"$OUT" >/tmp/without-daemon
    equal "with the daemon" /tmp/with-daemon without /tmp/without-daemon
}
check "without a daemon the inventory reads the same, and says so" inventory_without_daemon

doctor_knows() {
    run buslane doctor --json
    same "the exit code" "$STATUS" 0 || why "$(jq -r '[.findings[] | select(.severity == "blocker") | .what] | join("; ")' <<<"$OUT")" || return
    same "whether passthrough works" "$(jq -r .passthroughWorks <<<"$OUT")" true || return
    holds "$OUT" group-not-viable "$BRIDGED_A"
}
check "doctor says that passthrough works, and names the group that does not" doctor_knows

topology_draws() {
    exits 0 buslane topology && holds "$OUT" "$PF0" "$PF1" "NUMA node 1"
}
check "topology draws both cards" topology_draws
inventory_checks

by_hand_is_gone() { same "the host" "$(fingerprint)" "$found"; }
check "the changes by hand are undone" by_hand_is_gone

# ----
part "plan and apply"

full_configuration | configure

plan_writes_nothing() {
    exits 0 buslane plan || return
    holds "$OUT" "$PF0" "$PF1" "$NVME" || return
    exits 0 buslane plan --json || return
    jq -e . <<<"$OUT" >/dev/null || why "no JSON: $OUT" || return
    same "the host" "$(fingerprint)" "$found"
}
check "plan names the cards and writes nothing" plan_writes_nothing

vfs_are_ready() {
    local pf vf
    for pf in "$PF0" "$PF1" "$NVME"; do
        same "$pf's number of VFs" "$(numvfs "$pf")" 2 || return
        for vf in $(vfs "$pf"); do same "$vf's driver" "$(driver "$vf")" vfio-pci || return; done
    done
}
apply_makes_vfs() { exits 0 buslane apply --yes && vfs_are_ready; }
check "apply makes 2 VFs on each card and binds them to vfio-pci" apply_makes_vfs

apply_again() { exits 0 buslane apply --yes && holds "$OUT$ERR" "nothing to do"; }
check "a second apply has nothing to do" apply_again

check "the inventory with VFs is what sysfs and lspci say" inventory_matches_kernel

inventory_of_vfs() {
    exits 0 buslane inventory --json --vf || return
    jq -r '.functions[] | "\(.address) \(.virtualFunction.physicalFunction) \(.virtualFunction.index)"' <<<"$OUT" | sort >/tmp/of-buslane
    for pf in "$PF0" "$PF1" "$NVME"; do
        for index in 0 1; do echo "$(basename "$(readlink "$PCI/$pf/virtfn$index")") $pf $index"; done
    done | sort >/tmp/of-sysfs
    equal "the inventory" /tmp/of-buslane sysfs /tmp/of-sysfs
}
check "the inventory knows each VF's card and index" inventory_of_vfs

pools_are_right() {
    exits 0 buslane pools --json || return
    same "the pools" "$(jq -r '[.pools[] | "\(.name) \(.free)/\(.total)"] | sort | join(", ")' <<<"$OUT" | sed 's/bridged [^,]*, //')" \
        "cards 1/1, dataplane 4/4, disks 2/2, twins 1/1"
}
check "the pools count what there is" pools_are_right
ready=$(fingerprint)

serials() {
    local serial address
    lspci -Dvv | awk '/^[0-9a-f]+:/ { address = $1 } /Device Serial Number/ { print address, $NF }' | sort >/tmp/of-lspci
    grep -q . /tmp/of-lspci || why "lspci knows no serial number" || return
    exits 0 buslane inventory --json || return
    jq -r '.functions[] | select(.serialNumber) | "\(.address) \(.serialNumber)"' <<<"$OUT" | sort >/tmp/of-buslane
    equal "the inventory" /tmp/of-buslane lspci /tmp/of-lspci || return
    read -r address serial </tmp/of-lspci
    printf 'pools:\n  - name: numbered\n    select: { serials: ["%s"] }\n' "$serial" >/etc/buslane/conf.d/numbered.yaml
    exits 0 buslane pools --json || return
    rm /etc/buslane/conf.d/numbered.yaml
    same "the pool" "$(jq -r '.pools[] | select(.name == "numbered") | .functions[]' <<<"$OUT")" "$address"
}
check "serial numbers are those that lspci prints, and select their card" serials

file_that_is_gone() {
    mv /etc/buslane/buslane.yaml /tmp/away.yaml
    exits 1 buslane apply --yes && one_error && holds "$ERR" /etc/buslane/buslane.yaml || return
    exits 0 buslane pools --quiet && holds "$OUT" dataplane || return
    systemctl restart buslaned || why "the daemon does not start" || return
    same "the host" "$(fingerprint)" "$ready" || return
    printf 'physicalFunctions:\n\t- vfCount: 1\n' >/etc/buslane/buslane.yaml
    exits 1 buslane plan && holds "$ERR" buslane.yaml:2: "does not allow tabs" || return
    exits 0 buslane doctor --json || [ "$STATUS" -eq 1 ] || return
    holds "$OUT" daemon-degraded buslane.yaml:2: || return
    mv /tmp/away.yaml /etc/buslane/buslane.yaml
    exits 0 buslane apply && holds "$OUT" "nothing to do"
}
check "a configuration that is gone or wrong is refused, and nothing is taken away" file_that_is_gone

# ----
part "drift"
drift_checks

# ----
part "placement"

node_required() {
    local id round address
    for round in 1 2; do
        exits 0 buslane allocate dataplane --for "node-test-$round" --numa required:1 --quiet || return
        id=$OUT
        address=$(addresses_of "$id")
        same "$address's node" "$(cat "$PCI/$address/numa_node")" 1 || return
    done
    exits 75 buslane allocate dataplane --for node-test-3 --numa required:1 --quiet || return
    one_error || return
    same "what is claimed" "$(buslane claims --json | jq -r '[.claims[].assignments[].numaNode] | unique | join(",")')" 1
}
check "--numa required:1 gives node 1 until it has none, then 75, never node 0" node_required

node_preferred() {
    exits 0 buslane allocate dataplane --for node-test-4 --quiet || return
    same "the node of the next one" "$(claim_field "$OUT" '.assignments[].numaNode')" 0
}
check "numa: preferred goes on with node 0" node_preferred
release_all

never_shared() {
    local n got
    rm -f /tmp/claim.*
    for n in 1 2 3 4 5 6; do
        { buslane allocate dataplane --for "rush-$n" --quiet >"/tmp/claim.$n" 2>/dev/null; echo $? >"/tmp/claim.$n.code"; } &
    done
    wait
    same "the exit codes of six at once for four VFs" "$(sort -n /tmp/claim.*.code | paste -sd' ')" "0 0 0 0 75 75" || return
    got=$(buslane claims --json | jq -r '.claims[].assignments[].address')
    same "how many functions were given" "$(wc -l <<<"$got")" 4 || return
    same "how many different ones" "$(sort -u <<<"$got" | wc -l)" 4
}
check "six claims at once for four VFs: four get one each, two get 75" never_shared
release_all

all_or_none() {
    exits 1 buslane allocate dataplane --for greedy --count 5 || return
    same "the claims" "$(buslane claims --json | jq '.claims | length')" 0
}
check "five of four VFs can never be had: 1, and none is kept" all_or_none

disk_claim() {
    local id address
    exits 0 buslane allocate disks --for backup --quiet || return
    id=$OUT address=$(addresses_of "$OUT")
    same "$address's driver" "$(driver "$address")" vfio-pci || return
    same "$address's card" "$(basename "$(readlink "$PCI/$address/physfn")")" "$NVME" || return
    exits 0 buslane release "$id"
}
check "an NVMe VF is claimed and released" disk_claim

group_refused() {
    exits 1 buslane allocate bridged --for anyone || return
    one_error || return
    holds "$ERR" "$BRIDGED_A" "$BRIDGED_B" || return
    same "$BRIDGED_A's driver" "$(driver "$BRIDGED_A")" e1000
}
check "a function of a group that is not viable is refused, naming both blockers" group_refused

whole_card() {
    local id
    same "$CARD's driver before" "$(driver "$CARD")" e1000e || return
    exits 0 buslane allocate cards --for firewall --quiet || return
    id=$OUT
    same "$CARD's driver" "$(driver "$CARD")" vfio-pci || return
    exits 0 buslane release "$id" || return
    same "$CARD's driver afterwards" "$(driver "$CARD")" e1000e || return
    same "$CARD's driver_override afterwards" "$(cat "$PCI/$CARD/driver_override")" "(null)"
}
check "a whole card goes to vfio-pci and comes back to e1000e, without an override" whole_card

release_twice() {
    local id
    exits 0 buslane allocate cards --for firewall --quiet || return
    id=$OUT
    exits 0 buslane release "$id" && exits 0 buslane release "$id" && holds "$OUT$ERR" "before"
}
check "a second release is a success that says so" release_twice

waits_in_line() {
    local held waiting
    exits 0 buslane allocate dataplane --count 4 --for everything --quiet || return
    held=$OUT
    exits 75 buslane allocate dataplane --for impatient --wait 2s && holds "$OUT" "next in line" || return
    buslane allocate dataplane --for patient --wait 60s --quiet >/tmp/patient 2>/dev/null &
    waiting=$!
    sleep 1
    # A client that disconnects leaves the queue.
    timeout -s KILL 1 buslane allocate dataplane --for gone --wait 60s >/dev/null 2>&1
    exits 0 buslane release "$held" || return
    wait "$waiting" || why "the client that waited got nothing" || return
    same "its owner" "$(claim_field "$(cat /tmp/patient)" .ownerName)" patient || return
    sleep 2
    same "the claims" "$(buslane claims --quiet)" "$(cat /tmp/patient)"
}
check "--wait queues, and a client that disconnects leaves the queue" waits_in_line
release_all

# When a claim ends, in seconds since the boot
end_of() { sqlite3 -readonly /var/lib/buslane/ledger.sqlite "SELECT endsAt FROM claim WHERE number = ${1#c}"; }
no_claim_is_left() { [ -z "$(buslane claims --quiet)" ]; }
ends_by_itself() {
    local claim first renewed
    exits 0 buslane allocate dataplane --for rig --ttl 10s --quiet || return
    claim=$OUT first=$(end_of "$claim")
    sleep 2
    exits 0 buslane renew "$claim" --quiet && same "the renewed claim" "$OUT" "$claim" || return
    renewed=$(end_of "$claim")
    [ "$renewed" -gt "$first" ] || why "it was to end at $first, and after its renewal at $renewed" || return
    wait_for 180 no_claim_is_left || why "it is still there: $(buslane claims)" || return
    [ "$(cut -d. -f1 /proc/uptime)" -ge "$renewed" ] || why "it ended before $renewed" || return
    exits 1 buslane renew "$claim" && one_error && holds "$ERR" "it has ended"
}
check "--ttl releases a claim that is not renewed" ends_by_itself

explains() {
    exits 0 buslane allocate dataplane --count 2 --spread pf --explain --json || return
    same "the cards that would be taken from" "$(jq -r '[.candidates[] | select(.taken) | .card] | sort | join(" ")' <<<"$OUT")" "$PF0 $PF1" || return
    exits 1 buslane allocate dataplane --count 3 --spread pf --explain && holds "$ERR" "on as many PFs" || return
    same "the claims" "$(buslane claims --quiet)" ""
}
check "--explain names the candidates, and claims nothing" explains

claim_checks

after_placement() { same "the host" "$(fingerprint)" "$ready"; }
check "after the releases the host is as it was" after_placement

# ----
part "a guest"

nested_domain fw1 >/tmp/fw1.xml
virsh --quiet define --validate /tmp/fw1.xml
virsh dumpxml --inactive fw1 >/tmp/fw1-before.xml
index="" vf="" claim=""

claim_for_domain() {
    exits 0 buslane allocate dataplane --for domain:fw1 --numa required:1 --mac "$mac" --vlan "$vlan" --quiet || return
    claim=$OUT
    vf=$(addresses_of "$claim")
    index=$(vfs "$PF1" | grep -nx "$vf" | cut -d: -f1)
    index=$((index - 1))
    same "the owner" "$(claim_field "$claim" .ownerName)" fw1 || return
    same "the owner's UUID" "$(claim_field "$claim" .owner)" "domain:$(virsh domuuid fw1 | head -n 1)" || return
    same "$vf's MAC and VLAN" "$(vf_line "$PF1" "$index")" "$mac vlan $vlan"
}
check "a claim for domain:fw1 has its MAC and VLAN set on the card" claim_for_domain

attach_adds_only() {
    exits 0 buslane domain attach fw1 || return
    virsh dumpxml --inactive fw1 >/tmp/fw1-after.xml
    holds "$(cat /tmp/fw1-after.xml)" "<interface type='hostdev'" "<alias name='ua-buslane-" "<mac address='$mac'/>" "<tag id='$vlan'/>" || return
    # libvirt leaves managed='no' out of what it shows, since that is its default
    ! grep -q "managed='yes'" /tmp/fw1-after.xml || why "something is managed='yes'" || return
    # libvirt itself adds the root ports that a device needs
    ! diff /tmp/fw1-before.xml /tmp/fw1-after.xml | grep '^<' || why "lines went away from the XML" || return
    [ "$(grep -c '<interface ' /tmp/fw1-after.xml)" -eq 1 ] || why "not exactly one interface"
}
check "attach adds the VF to fw1's XML and changes nothing else" attach_adds_only

inject_adds_only() {
    exits 0 inject_good || return
    holds "$OUT" "<interface type='hostdev' managed='no'>" "<alias name='ua-buslane-data0'/>" "<mac address='$mac'/>" "<tag id='$vlan'/>" || return
    ! diff /tmp/fw1.xml - <<<"$OUT" | grep '^<' || why "lines went away from the XML"
}
inject_good() { buslane domain inject --xml-only --device "$vf,kind=interface,mac=$mac,vlan=$vlan,name=data0" </tmp/fw1.xml; }
check "inject as a pure filter adds the interface, managed='no', and nothing else" inject_adds_only

attach_again() {
    exits 0 buslane domain attach fw1 || return
    same "the number of interfaces" "$(virsh dumpxml --inactive fw1 | grep -c '<interface ')" 1
}
check "attaching again changes nothing" attach_again

daemon_killed() {
    local before
    before=$(systemctl show -P MainPID buslaned)
    kill -KILL "$before"
    wait_for 180 daemon_answers || why "systemd did not bring the daemon back: $(systemctl is-active buslaned)" || return
    [ "$(systemctl show -P MainPID buslaned)" != "$before" ] || why "it was never killed" || return
    same "the claim's function" "$(addresses_of "$claim")" "$vf"
}
check "kill -9: systemd brings the daemon back, and the claim is still there" daemon_killed

guest_starts() {
    exits 0 virsh start fw1 || return
    same "fw1" "$(virsh domstate fw1 | head -n 1)" running
}
check "the guest starts after that" guest_starts
check "the inventory names it as the holder of the VF" named_as_guest "$vf" fw1

frame_on_wire() { wait_for 600 frame "$LAB_WIRE_NODE1" "$mac" "$vlan" || why "no frame from $mac in VLAN $vlan in 600 s"; }
check "its frame is on node 1's wire, with the claim's MAC and VLAN" frame_on_wire

release_refused() {
    exits 1 buslane release "$claim" || return
    one_error || return
    grep -qE 'fw1|qemu' <<<"$ERR" || why "the holder is not named: $ERR" || return
    same "$vf's driver" "$(driver "$vf")" vfio-pci && same "fw1" "$(virsh domstate fw1 | head -n 1)" running
}
check "a claim whose guest runs is not released; the refusal names the holder" release_refused

apply_takes_nothing() {
    printf 'pools: []\n' >/tmp/nothing.yaml
    exits 1 buslane apply --yes -f /tmp/nothing.yaml || return
    one_error || return
    same "$PF1's number of VFs" "$(numvfs "$PF1")" 2 && same "fw1" "$(virsh domstate fw1 | head -n 1)" running
}
check "apply takes no VF from a running guest" apply_takes_nothing

libvirt_restarts() {
    local guest
    guest=$(pgrep -f 'guest=fw1,') || why "fw1 has no process" || return
    systemctl restart libvirtd || return
    wait_for 180 is_in_hand fw1 || why "libvirtd does not take fw1 up: $(virsh domcontrol fw1 2>&1 | head -n 1)" || return
    same "fw1 after libvirtd's restart" "$(virsh domstate fw1 | head -n 1)" running || return
    same "fw1's process" "$(pgrep -f 'guest=fw1,')" "$guest"
}
check "libvirtd restarts and the guest lives on" libvirt_restarts

guest_stops() {
    exits 0 virsh destroy fw1 || return
    same "the claim's function" "$(addresses_of "$claim")" "$vf" && same "$vf's driver" "$(driver "$vf")" vfio-pci
}
check "after a stop the claim stays with the defined guest" guest_stops

release_restores() {
    exits 0 buslane release "$claim" || return
    same "the host" "$(fingerprint)" "$ready"
}
check "release restores MAC, VLAN and driver" release_restores

start_refused() {
    virsh --quiet undefine fw1
    virsh --quiet define /tmp/fw1-after.xml || return
    exits 1 virsh start fw1 || return
    same "the hook's lines in the error" "$(grep -c 'buslane:' <<<"$ERR")" 1 || return
    holds "$(grep 'buslane:' <<<"$ERR")" refused "$vf" || return
    same "fw1" "$(virsh domstate fw1 | head -n 1)" "shut off"
}
check "without the claim the hook refuses the start, in one clear line" start_refused

other_owner() {
    exits 0 buslane allocate dataplane --for somebody-else --numa required:1 --count 2 --quiet || return
    exits 1 virsh start fw1 || return
    holds "$ERR" buslane: refused || return
    exits 0 buslane release --for somebody-else
}
check "a start with a VF that another owner holds is refused" other_owner

bystander() {
    nested_domain plain >/tmp/plain.xml
    virsh --quiet define /tmp/plain.xml
    systemctl stop buslaned
    run virsh start plain
    systemctl start buslaned
    same "the exit code of a start without a daemon" "$STATUS" 0 || why "$ERR" || return
    virsh --quiet destroy plain
    virsh --quiet undefine plain
}
check "a guest without devices of Buslane starts without a daemon" bystander

detach_cleans() {
    exits 0 buslane domain detach fw1 || return
    same "the interfaces" "$(virsh dumpxml --inactive fw1 | grep -c 'ua-buslane-')" 0
}
check "detach removes the device from the XML" detach_cleans
virsh --quiet undefine fw1
release_all

# ----
part "wrong inputs"
before_wrong=$(fingerprint; buslane claims --json | jq -S .claims)

# wrong NAME CODES PART COMMAND…: one of the codes, one error line with PART in it, nothing changed
wrong() {
    local name=$1 codes=$2 part=$3
    shift 3
    is_wrong() {
        run "$@"
        case " $codes " in *" $STATUS "*) ;; *) why "exit $STATUS instead of $codes: $OUT $ERR" || return ;; esac
        one_error && holds "$ERR" "$part" || return
        same "the host and the claims" "$(fingerprint; buslane claims --json | jq -S .claims)" "$before_wrong"
    }
    check "$name" is_wrong "$@"
}
wrong "an unknown pool" 1 nosuch buslane allocate nosuch --for me
wrong "a count of 0" 64 0 buslane allocate dataplane --count 0 --for me
wrong "a count of 999" 1 999 buslane allocate dataplane --count 999 --for me
wrong "a MAC zz" 64 zz buslane allocate dataplane --mac zz --for me
wrong "a multicast MAC" "1 64" 01:00:5e:00:00:01 buslane allocate dataplane --mac 01:00:5e:00:00:01 --for me
wrong "a VLAN of 4095" 64 4095 buslane allocate dataplane --vlan 4095 --for me
wrong "a VLAN on a whole card" 1 "$CARD" buslane allocate cards --vlan 5 --for me
wrong "an unknown domain" 1 nosuch buslane allocate dataplane --for domain:nosuch
wrong "an unknown address" 1 0000:ff:1f.7 buslane inventory --address 0000:ff:1f.7
wrong "a malformed address" 64 hello buslane inventory --address hello
wrong "an unknown claim" 1 nosuch buslane release nosuch
wrong "an unknown command" 64 frobnicate buslane frobnicate
printf '<domain><name>x</name>' >/tmp/bad.xml
inject_bad() { buslane domain inject --xml-only --device "$PF1" </tmp/bad.xml; }
wrong "malformed XML on stdin" 1 "" inject_bad
printf 'pools:\n  - name: a\n    select: { kinds: [banana] }\n' >/tmp/bad.yaml
wrong "a value that YAML cannot mean, with file and line" 1 /tmp/bad.yaml:3 buslane plan -f /tmp/bad.yaml
printf 'pools:\n  - name: [\n' >/tmp/torn.yaml
wrong "torn YAML, with file and line" 1 /tmp/torn.yaml: buslane apply --yes -f /tmp/torn.yaml
wrong "a configuration that is not there" 1 /nosuch.yaml buslane plan -f /nosuch.yaml
printf 'physicalFunctions:\n  - select: { addresses: ["%s"] }\n    vfCount: 99\n' "$PF0" >/tmp/many.yaml
wrong "more VFs than the card has" 1 "$PF0" buslane apply --yes -f /tmp/many.yaml

# ----
part "permissions"
permission_checks

# ----
part "settings of single VFs"
release_all
vf_settings_checks

# ----
part "the end"

apply_nothing() {
    printf 'physicalFunctions: []\n' | configure
    exits 0 buslane apply --yes || return
    same "the host" "$(fingerprint)" "$found"
}
check "an empty configuration restores the host as it was found" apply_nothing

audit_tells() {
    exits 0 buslane audit --json || return
    holds "$OUT" allocate release apply
}
check "the audit trail lists what was done" audit_tells

daemon_ends() {
    systemctl stop buslaned || return
    same "the daemon's exit code at SIGTERM" "$(systemctl show -P ExecMainStatus buslaned)" 0 || return
    same "the unit's result" "$(systemctl show -P Result buslaned)" success || return
    exits 69 buslane claims && one_error
}
check "SIGTERM ends the daemon with 0; the command line then says 69" daemon_ends

printf '\n# took %d s\n' "$SECONDS"
checks_end
