#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lab: reboots
# The daemon is killed at twenty steps of real applies, then the host is reset
# in the middle of one and comes back with a guest that starts by itself.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"

phase=/var/lib/lab-phase ledger=/var/lib/buslane/ledger.sqlite
mac=52:54:00:bb:00:05 vlan=55

rows() { sqlite3 -readonly "$ledger" "SELECT count(*) FROM $1"; }

# wanted A|B: prints one of two configurations of the same cards, a line "address VFs" each
wanted() {
    case $1 in
    A) printf '%s\n' "$PF0 4" "$PF1 2" "$NVME 2" ;;
    B) printf '%s\n' "$PF0 2" "$PF1 0" "$NVME 4" ;;
    esac
}
declare_as() {
    local pf count
    {
        echo "physicalFunctions:"
        wanted "$1" | while read -r pf count; do
            echo "  - { select: { addresses: [\"$pf\"] }, vfCount: $count, vfDriver: vfio-pci }"
        done
        echo "pools: [ { name: lanes, select: { physicalFunctions: [\"$PF1\"], kinds: [virtual-function] } } ]"
    } | configure
}
# is_as A|B: sysfs shows that configuration
is_as() {
    local pf count vf
    while read -r pf count; do
        same "$pf's number of VFs" "$(numvfs "$pf")" "$count" || return
        for vf in $(vfs "$pf"); do same "$vf's driver" "$(driver "$vf")" vfio-pci || return; done
        same "$pf's autoprobe" "$(cat "$PCI/$pf/sriov_drivers_autoprobe")" 0 || return
    done < <(wanted "$1")
    same "steps left open" "$(rows intent)" 0 && same "functions in quarantine" "$(rows quarantine)" 0
}

# written_for A|B: prints files that an apply of it writes, by their paths below /sys/devices: each PF's sriov_numvfs, and
# the driver_override of each VF
written_for() {
    local pf count
    wanted "$1" | while read -r pf count; do
        echo "$(realpath "$PCI/$pf")/sriov_numvfs"
        sed -n "s|^$pf \(.*\)|\1/driver_override|p" /tmp/all-vfs | head -n "$count"
    done
}
# Makes all VFs of the cards once, and notes their folders, by index, each after its PF
all_vfs_known() {
    local pf vf
    for pf in "$PF0" "$PF1" "$NVME"; do
        echo 0 >"$PCI/$pf/sriov_drivers_autoprobe"
        cat "$PCI/$pf/sriov_totalvfs" >"$PCI/$pf/sriov_numvfs" || return
        for vf in $(vfs "$pf"); do echo "$pf $(realpath "$PCI/$vf")"; done
        echo 0 >"$PCI/$pf/sriov_numvfs"
        echo 1 >"$PCI/$pf/sriov_drivers_autoprobe"
    done >/tmp/all-vfs
}

# killed_at_write A|B FILE: applies it, and kills the daemon when it is about to write that file
killed_at_write() {
    declare_as "$1"
    killed_at write "$2" || return
    run buslane apply --yes
    wait_for 180 died || { spared; why "the apply never wrote $2: $OUT $ERR"; return; }
    [ "$(rows intent)" -gt 0 ] || why "no step is recorded as under way" || return
    started_again || return
    exits 0 buslane apply --yes && is_as "$1"
}

killed_often() {
    local target file
    declare_as B && exits 0 buslane apply --yes && is_as B || return
    mapfile -t moments_A < <(written_for A)
    mapfile -t moments_B < <(written_for B)
    restarted_by_hand
    # In turns, since each leads from one to the other
    while [ ${#moments_A[@]} -gt 0 ] || [ ${#moments_B[@]} -gt 0 ]; do
        for target in A B; do
            local -n moments=moments_$target
            if [ ${#moments[@]} -eq 0 ]; then
                declare_as "$target" && exits 0 buslane apply --yes || return
                continue
            fi
            file=${moments[0]} moments=("${moments[@]:1}")
            killed_at_write "$target" "$file" || why "killed at $file in an apply to $target: $(tail -n 1 "$checks_said")" || return
            kills=$((kills + 1))
        done
    done
    restarted_by_hand no
    [ "$kills" -eq 20 ] || why "killed $kills times instead of 20"
}
step_is_open() { [ "$(rows intent)" -gt 0 ]; }

guest_is_ready() {
    local claim
    declare_as A
    exits 0 buslane apply --yes || return
    nested_domain boot1 >/tmp/boot1.xml
    virsh --quiet define /tmp/boot1.xml || return
    exits 0 buslane allocate lanes --for domain:boot1 --mac "$mac" --vlan "$vlan" --quiet || return
    claim=$OUT
    exits 0 buslane domain attach boot1 || return
    virsh --quiet autostart boot1 || return
    # At boot, and not at the first connection
    systemctl enable --quiet libvirtd || return
    buslane claims --json | jq -r ".claims[] | select(.id == \"$claim\") | .assignments[].address" >/var/lib/lab-vf
}

reset_midway() {
    # The guest's card keeps its VFs; the two others get another number
    { cat /etc/buslane/buslane.yaml; } | sed "/$PF0/s/vfCount: 4/vfCount: 7/; /$NVME/s/vfCount: 2/vfCount: 4/" >/tmp/more.yaml
    configure </tmp/more.yaml
    echo "$checks_passed $checks_failed" >"$phase"
    sync
    # The write that makes the NVMe card's VFs waits until the reset
    injected write delay_enter=600s "$(realpath "$PCI/$NVME")/sriov_numvfs"
    buslane apply --yes >/dev/null 2>&1 &
    wait_for 180 step_is_open
    rows intent >"$LAB_OUT/open-at-reset"
    echo b >/proc/sysrq-trigger
    sleep 60
}

# ---- after the reset

back_as_declared() {
    [ "$(cat "$LAB_OUT/open-at-reset")" -gt 0 ] || why "no step was under way at the reset" || return
    same "the daemon" "$(systemctl is-active buslaned)" active || return
    same "$PF0's number of VFs" "$(numvfs "$PF0")" 7 && same "$NVME's number of VFs" "$(numvfs "$NVME")" 4 &&
        same "$PF1's number of VFs" "$(numvfs "$PF1")" 2 || return
    for vf in $(vfs "$PF0") $(vfs "$PF1") $(vfs "$NVME"); do same "$vf's driver" "$(driver "$vf")" vfio-pci || return; done
    same "steps left open" "$(rows intent)" 0 && same "functions in quarantine" "$(rows quarantine)" 0 || return
    exits 0 buslane plan && holds "$OUT" "nothing to do"
}
before_libvirtd() {
    local ours theirs
    wait_for 600 systemctl --quiet is-active libvirtd || why "libvirtd is not started at boot" || return
    ours=$(systemctl show -P ActiveEnterTimestampMonotonic buslaned)
    theirs=$(systemctl show -P ExecMainStartTimestampMonotonic libvirtd)
    [ "$ours" -gt 0 ] && [ "$ours" -lt "$theirs" ] || why "buslaned was ready at $ours us, libvirtd started at $theirs us"
}
guest_runs() {
    local vf
    vf=$(cat /var/lib/lab-vf)
    wait_for 180 test "$(virsh domstate boot1 | head -n 1)" = running || why "boot1 is $(virsh domstate boot1 | head -n 1): $(journalctl -b -u libvirtd -o cat -n 3)" || return
    holds "$(ip link show "$(netdev "$PF1")")" "$mac" "vlan $vlan" || return
    exits 0 buslane inventory --json || return
    same "the holder of $vf" "$(jq -r ".functions[] | select(.address == \"$vf\") | .holders[0].name" <<<"$OUT")" boot1
}
frame_on_wire() { wait_for 600 frame "$LAB_WIRE_NODE1" "$mac" "$vlan" || why "no frame from $mac in VLAN $vlan"; }
# The owner of the guest's VF, by the ledger
owner_of_vf() { buslane claims --json | jq -r --arg vf "$(cat /var/lib/lab-vf)" '.claims[] | select(.assignments[].address == $vf) | .ownerName'; }
owner_is_boot1() { [ "$(owner_of_vf)" = boot1 ]; }
ledger_lost() {
    exits 0 buslane ledger check && holds "$OUT" "is sound" || return
    exits 0 buslane ledger backup /root/kept.sqlite || return
    systemctl stop buslaned
    printf torn | dd of="$ledger" conv=notrunc status=none
    systemctl start buslaned
    wait_for 180 daemon_answers || why "the daemon is not back: $(journalctl -u buslaned -o cat -n 3)" || return
    compgen -G "$ledger.unreadable-*" >/dev/null || why "the torn ledger was not kept" || return
    wait_for 180 owner_is_boot1 || why "the guest's VF is held by '$(owner_of_vf)'" || return
    [ "$(rows quarantine)" -gt 0 ] || why "the other functions on VFIO are not in quarantine" || return
    same "the guest" "$(virsh domstate boot1 | head -n 1)" running
}
ledger_restored() {
    exits 1 buslane ledger restore /etc/hostname && one_error || return
    exits 0 buslane ledger restore /root/kept.sqlite || return
    systemctl restart buslaned
    wait_for 180 daemon_answers || why "the daemon is not back: $(journalctl -u buslaned -o cat -n 3)" || return
    same "functions in quarantine" "$(rows quarantine)" 0 && owner_is_boot1 && compgen -G "$ledger.replaced-*" >/dev/null
}
all_restored() {
    virsh --quiet destroy boot1
    virsh --quiet undefine boot1
    exits 0 buslane release --for domain:boot1 || exits 0 buslane release c1 || true
    printf 'physicalFunctions: []\n' | configure
    buslane claims --quiet | while read -r id; do buslane release "$id" >/dev/null; done
    exits 0 buslane apply --yes || return
    for pf in "$PF0" "$PF1" "$NVME"; do same "$pf's number of VFs" "$(numvfs "$pf")" 0 || return; done
}

if [ ! -e "$phase" ]; then
    systemctl enable --quiet --now buslaned
    wait_for 180 daemon_answers
    kills=0
    check "each card makes all VFs that it can have" all_vfs_known
    check "kill -9 before each of 20 writes of applies: each time the host becomes as declared" killed_often
    restarted_by_hand no
    check "a guest that starts by itself has a VF with a MAC and a VLAN" guest_is_ready
    reset_midway
    echo "not ok the host was reset"
    exit 1
fi
read -r checks_passed checks_failed <"$phase"
echo "# reset in the middle of an apply, with $(cat "$LAB_OUT/open-at-reset") steps under way"
check "after a hard reset during an apply the host is as declared, nothing in quarantine" back_as_declared
check "the daemon was ready before libvirtd started" before_libvirtd
check "the guest was started by libvirtd, with its VF, MAC and VLAN" guest_runs
check "its frame is on the wire" frame_on_wire
check "a torn ledger is kept aside, the running guest has its VF again by its XML, and nothing else is allocated" ledger_lost
check "a backup replaces the ledger, and its claims are back" ledger_restored
check "all of it is restored as it was found" all_restored
checks_end
