# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Devices of running guests: plugged in and out while the guest answers, while
# it is paused, and where it never answers; evicted, saved, restored and
# readmitted. Wants the daemon with a pool `lanes` of VFs on node 1, team-checks.sh and companion-checks.sh.

live_configuration() {
    cat <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF1"] }, vfCount: 3, vfDriver: vfio-pci }
pools:
  - { name: lanes, select: { kinds: [virtual-function], physicalFunctions: ["$PF1"] } }
$(companion_pool)
YAML
}

live_mac=52:54:00:bb:00:11 live_vlan=43 live_console=/var/log/libvirt/qemu/live1-console.log

# live_kernel: a Linux guest that takes whatever card comes and asks for an address on it
live_kernel() {
    local root=/var/lib/libvirt/boot/live module name version
    [ ! -e "$root.img" ] || return 0
    version=$(uname -r)
    mkdir -p "$root"/{bin,dev,proc,sys,modules}
    cp /usr/bin/busybox "$root/bin/busybox"
    modprobe --show-depends -a igbvf virtio_pci virtio_net | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
        name=$(basename "$module")
        cp "$module" "$root/modules/$name"
        case "$name" in *.xz) busybox unxz "$root/modules/$name" && name=${name%.xz} ;; esac
        echo "$name" >>"$root/order"
    done
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
while read -r m; do /bin/busybox insmod "/modules/$m"; done </order
echo lab-guest-is-up >/dev/ttyS0
seen=" " beat=0
while :; do
    # What is new on its buses, and the node that it sees it on
    now=" "
    for function in /sys/bus/pci/devices/*; do
        now="$now${function##*/} "
        case "$seen" in *" ${function##*/} "*) continue ;; esac
        read -r device <"$function/device"
        read -r node <"$function/numa_node"
        echo "lab-guest has ${function##*/} $device on node $node" >/dev/ttyS0
    done
    seen=$now beat=$((beat + 1))
    echo "lab-guest beats $beat" >/dev/ttyS0
    for card in /sys/class/net/eth*; do
        [ -e "$card" ] || continue
        /bin/busybox ip link set "${card##*/}" up
        /bin/busybox udhcpc -i "${card##*/}" -n -q -t 1 -T 1 -s /bin/busybox >/dev/null 2>&1
    done
    /bin/busybox sleep 1
done
INIT
    chmod 755 "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$root.img"
    cp "/boot/vmlinux-$version" "$root.kernel"
}

# live_boot: how a domain boots that guest. Without the steps of the kernel's start that only take time under emulation:
# self-tests of random numbers, certificates, tracing and BPF
live_unneeded=jent_mod_init,load_system_certificate_list,bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init,trace_eval_init
live_boot() {
    cat <<XML
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/var/lib/libvirt/boot/live.kernel</kernel>
    <initrd>/var/lib/libvirt/boot/live.img</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 initcall_blacklist=$live_unneeded</cmdline>
  </os>
  <features><acpi/></features>
XML
}
live_domain() {
    cat <<XML
<domain type='qemu'>
  <name>live1</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
$(live_boot)
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'/>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='$live_console'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
XML
}

# in_guest, in_config: how many devices of Buslane's the running guest has, and the persistent XML
in_guest() { virsh dumpxml "${1:-live1}" | grep -c "<alias name='ua-buslane-"; }
in_config() { virsh dumpxml --inactive "${1:-live1}" | grep -c "<alias name='ua-buslane-"; }
qemu_sees() { virsh qemu-monitor-command --hmp live1 'info pci' | grep -c 8086:10ca; }
live_state() { buslane claims --json | jq -r --arg id "$live_claim" '.claims[] | select(.id == $id) | .state'; }
live_host() { find "$PCI"/*/driver -maxdepth 0 -printf '%p %l\n'; }
# live_is GUEST CONFIG STATE
live_is() {
    same "what the guest has" "$(in_guest)" "$1" && same "what QEMU has" "$(qemu_sees)" "$1" &&
        same "what the persistent XML has" "$(in_config)" "$2" && same "the claim" "$(live_state)" "$3"
}

live_boots() {
    live_found=$(live_host)
    live_kernel
    live_domain >/tmp/live1.xml
    virsh --quiet define --validate /tmp/live1.xml && virsh --quiet start live1 || return
    wait_for 600 grep -qs lab-guest-is-up "$live_console" || why "the guest is not up after 600 s"
}
live_attach() {
    exits 0 buslane allocate lanes --for domain:live1 --numa required:1 --mac "$live_mac" --vlan "$live_vlan" --quiet ||
        return
    live_claim=$OUT
    exits 0 buslane domain attach live1 --live || return
    live_is 1 0 inUse || return
    wait_for 600 frame "$LAB_WIRE_NODE1" "$live_mac" "$live_vlan" || why "no frame of $live_mac in VLAN $live_vlan" || return
    exits 1 buslane release "$live_claim" && one_error
}
live_detach() {
    exits 0 buslane domain detach live1 --live --wait 60s || return
    live_is 0 0 bound
}
live_both() {
    exits 0 buslane domain attach live1 || return
    holds "$OUT" "in the running guest and the persistent XML" || return
    live_is 1 1 inUse || return
    exits 0 buslane domain detach live1 --wait 60s || return
    live_is 0 0 bound
}
live_half() {
    mount --bind /etc/libvirt/qemu /etc/libvirt/qemu && mount -o remount,bind,ro /etc/libvirt/qemu || return
    run buslane domain attach live1 --both
    umount /etc/libvirt/qemu
    same "the exit code" "$STATUS" 1 && one_error && live_is 0 0 bound
}
live_paused() {
    exits 0 buslane domain attach live1 --live || return
    virsh --quiet suspend live1
    run buslane domain detach live1 --live --wait 5s
    virsh --quiet resume live1
    same "the exit code" "$STATUS" 75 && one_error && holds "$ERR" paused "virsh resume live1" && live_is 1 0 inUse
}
live_evicted() {
    exits 0 buslane domain show live1 && holds "$OUT" "can migrate: no" "buslane domain evict live1" || return
    exits 1 virsh save live1 /tmp/live1.save || return
    exits 0 buslane domain evict live1 --wait 60s || return
    live_is 0 0 bound || return
    exits 0 buslane domain show live1 && holds "$OUT" "can migrate: yes" evicted || return
    exits 0 virsh save live1 /tmp/live1.save && exits 0 virsh restore /tmp/live1.save || return
    exits 0 buslane domain readmit live1 || return
    live_is 1 0 inUse
}
live_silent() {
    nested_domain mute1 >/tmp/mute1.xml
    virsh --quiet define /tmp/mute1.xml
    exits 0 buslane allocate lanes --for domain:mute1 --quiet || return
    local claim=$OUT
    exits 0 buslane domain attach mute1 && exits 0 virsh start mute1 || return
    exits 75 buslane domain detach mute1 --wait 3s && one_error || return
    same "what it has, running and persistent" "$(in_guest mute1) $(in_config mute1)" "1 1" || return
    exits 75 buslane domain detach mute1 --wait 3s || return
    exits 1 buslane release "$claim" || return
    virsh --quiet destroy mute1
    mute_is_reconciled() { [ "$(in_config mute1)" = 0 ]; }
    wait_for 180 mute_is_reconciled || why "the persistent XML still has it after the stop" || return
    exits 0 buslane release "$claim" && virsh --quiet undefine mute1
}
live_ends() {
    virsh --quiet destroy live1
    exits 0 buslane release "$live_claim" || return
    virsh --quiet undefine live1
    same "the host" "$(live_host)" "$live_found"
}

# Kills the daemon during an attach to both states. libvirtd still completes the request that it has: the daemon is then
# dead between the two halves.
live_killed() {
    local moment
    # A device that was detached and released leaves no change behind
    wait_for 180 live_is_at_rest || why "still under way: $(live_rows '*' | tr '\n' ' ')" || return
    for moment in 0 between 0.2 0.6; do
        live_killed_at "$moment" || why "killed at $moment: $(tail -n 1 "$checks_said")" || return
    done
}
# live_stopped_between PID: lets the daemon run in short slices until the guest has the device, and stops it before the
# persistent XML has it
live_stopped_between() {
    local end=$((SECONDS + 90))
    kill -STOP "$1"
    until wait_for 3 live_has_it; do
        [ "$SECONDS" -lt "$end" ] || why "the guest never got the device" || return
        kill -CONT "$1"
        sleep 0.05
        kill -STOP "$1"
    done
    same "the device in the persistent XML, after the first half" "$(in_config)" 0
}
live_has_it() { [ "$(in_guest)" = 1 ]; }
live_rows() { sqlite3 -readonly /var/lib/buslane/ledger.sqlite "SELECT $1 FROM deviceChange"; }
live_changes() { live_rows 'count(*)'; }
live_killed_at() {
    local attaching pid
    pid=$(systemctl show -P MainPID buslaned)
    buslane domain attach live1 >/tmp/attach.said 2>&1 &
    attaching=$!
    until live_is_changing; do
        kill -0 $attaching 2>/dev/null || why "the attach ended unseen" || return
    done
    if [ "$1" = between ]; then live_stopped_between "$pid" || { kill -CONT "$pid"; return 1; }; else sleep "$1"; fi
    kill -KILL "$pid"
    wait $attaching
    wait_for 180 daemon_answers && wait_for 180 live_is_reconciled ||
        why "the guest has $(in_guest), the persistent XML $(in_config), under way: $(live_rows '*' | tr '\n' ' ')" || return
    same "the claims" "$(buslane claims --quiet | grep -cx "$live_claim")" 1 || return
    if [ "$(in_guest)" = 1 ]; then
        live_is 1 1 inUse && exits 0 buslane domain detach live1 --wait 60s || return
    fi
    live_is 0 0 bound
}
live_is_at_rest() { [ "$(live_changes)" -eq 0 ]; }
live_is_changing() { [ "$(live_changes)" -gt 0 ]; }
live_is_reconciled() { [ "$(live_changes)" -eq 0 ] && [ "$(in_guest)" = "$(in_config)" ]; }

live_checks() {
    # It boots beside the other one
    check "a guest of two nodes gets its VF behind an expander bus on its second, with a standby" team_starts
    check "a Linux guest is up, without a device" live_boots
    check "two functions of a card, plugged into it, have a slot each" companion_plugged
    check "and the guest gives both up; the card is back on its driver" companion_unplugged
    check "attach --live: QEMU has the VF, its frame is on the wire, its claim is not released" live_attach
    check "detach --live: the guest gives it up, and the claim is free" live_detach
    check "attach and detach in both states" live_both
    check "a persistent XML that cannot be written: the device is unplugged from the running guest" live_half
    check "kill -9 at four moments of an attach, one of them between the two states: both or neither" live_killed
    check "a paused guest keeps its device: 75, and what to do" live_paused
    check "evicted, the guest is saved, restored, and readmitted" live_evicted
    team_checks
    check "a guest that never answers keeps its device; when it has stopped the persistent XML follows" live_silent
    check "all of that left nothing behind" live_ends
}
