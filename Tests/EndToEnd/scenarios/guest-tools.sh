# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Tools for the scenarios: the emulated host's devices, the captures of its
# wires, a nested domain that boots iPXE, faults in the daemon.

# shellcheck disable=SC2034 # used by the scenarios
PF0=0000:41:00.0 PF1=0000:81:00.0 NVME=0000:82:00.0 CARD=0000:01:00.0
# shellcheck disable=SC2034
TWIN_A=0000:04:00.0 TWIN_B=0000:04:00.1
# shellcheck disable=SC2034
BRIDGED_A=0000:03:01.0 BRIDGED_B=0000:03:02.0
PCI=/sys/bus/pci/devices

# driver ADDRESS: the name of the driver it is bound to, or nothing
driver() { [ ! -e "$PCI/$1/driver" ] || basename "$(readlink "$PCI/$1/driver")"; }
group() { basename "$(readlink "$PCI/$1/iommu_group")"; }
numvfs() { cat "$PCI/$1/sriov_numvfs"; }
netdev() { ls "$PCI/$1/net"; }
# vfs PF: the addresses of its VFs, a line each, by index
vfs() {
    local link
    for link in "$PCI/$1"/virtfn*; do
        [ -e "$link" ] && basename "$(readlink "$link")"
    done | sort -V
}

# wait_for SECONDS COMMAND…: until it succeeds. It is tried often at first, then once a second.
wait_for() {
    local end=$((SECONDS + $1)) tries=0
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        if [ "$((tries += 1))" -le 10 ]; then sleep 0.2; else sleep 1; fi
    done
}

# is_in_hand GUEST: libvirtd has its monitor, and no work on it under way. A libvirtd that has just started first takes up
# the guests that run; a stop in the middle of that ends the guest and fails.
is_in_hand() { [ "$(virsh domcontrol "$1" 2>/dev/null | head -n 1)" = ok ]; }

# configure: stdin becomes the configuration
configure() { mkdir -p /etc/buslane && cat >/etc/buslane/buslane.yaml; }
daemon_answers() { buslane claims --json >/dev/null 2>&1; }

# restarted_by_hand [no]: systemd does not restart a daemon that died; with `no`, it does again
restarted_by_hand() {
    local place=/run/systemd/system/buslaned.service.d
    if [ "${1:-}" = no ]; then
        rm -rf "$place"
    else
        mkdir -p "$place"
        printf '[Service]\nRestart=no\n' >"$place/by-hand.conf"
    fi
    systemctl daemon-reload
}

# started_again: starts a daemon that died. Waits first until systemd has seen its death: until then `start` does nothing
started_again() {
    wait_for 180 has_ended && systemctl start buslaned && wait_for 180 daemon_answers ||
        why "the daemon is not back: $(systemctl status buslaned | sed -n 3p)"
}
has_ended() { ! systemctl is-active --quiet buslaned; }

# injected SYSCALL INJECTION [PATH]: injects this (see strace(1)) into the daemon's system calls; with a path, only into
# calls on that file. Returns when it is in force; $tracer is strace's process id.
injected() {
    local pid
    pid=$(systemctl show -P MainPID buslaned)
    strace --quiet=attach,exit -f -p "$pid" ${3:+-P "$3"} -e "trace=$1" -e "inject=$1:$2" -o /tmp/trace &
    tracer=$!
    wait_for 180 traced "$pid" || why "strace did not attach to the daemon"
}
# killed_at SYSCALL [PATH]: kills the daemon when one of its threads first enters that call, before the kernel executes it
killed_at() { injected "$1" signal=KILL:when=1 "${2:-}"; }
# traced PID: every thread of it has a tracer
traced() { ! grep -qsE '^TracerPid:[[:space:]]*0$' /proc/"$1"/task/*/status; }
# died: killed_at has killed the daemon
died() { ! kill -0 "$tracer" 2>/dev/null; }
# spared: removes the injection
spared() { kill "$tracer" 2>/dev/null; wait "$tracer" 2>/dev/null; }

# frame CAPTURE MAC [VLAN]: prints the first such frame on that wire
frame() {
    local filter="ether src $2"
    [ -z "${3:-}" ] || filter="$filter and vlan $3"
    # The capture is still growing: its last record may be incomplete
    tcpdump -r "$1" -e -nn -c 1 "$filter" 2>/dev/null | grep .
}

# nested_domain NAME [DEVICES]: prints the XML of a q35 domain that boots iPXE,
# which sends DHCP requests on every card that it finds
nested_domain() {
    local script=/var/lib/libvirt/boot/wire.ipxe
    if [ ! -e "$script" ]; then
        mkdir -p "$(dirname "$script")"
        printf '#!ipxe\n:again\nifopen\ndhcp ||\nsleep 1\ngoto again\n' >"$script"
        cp /usr/lib/ipxe/ipxe.lkrn /var/lib/libvirt/boot/
    fi
    cat <<XML
<domain type='qemu'>
  <name>$1</name>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/var/lib/libvirt/boot/ipxe.lkrn</kernel>
    <initrd>$script</initrd>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${2:-}    <memballoon model='none'/>
  </devices>
</domain>
XML
}
