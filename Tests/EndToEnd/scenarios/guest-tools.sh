# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What several scenarios do inside the emulated host: name its devices, watch
# the wires, define a nested domain that boots iPXE.

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

# wait_for SECONDS COMMAND…: until it succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 1
    done
}

# configure: what stands on stdin is declared from now on
configure() { mkdir -p /etc/buslane && cat >/etc/buslane/buslane.yaml; }
daemon_answers() { buslane claims --json >/dev/null 2>&1; }

# restarted_by_hand: from now on a daemon that died stays dead until someone starts it; with `no`, as before
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

# injected SYSCALL INJECTION [PATH]: strace(1)'s injection into the daemon's calls; with a path, only into those on that
# file. Returns when it is in force, and leaves strace's process id in $tracer.
injected() {
    local pid
    pid=$(systemctl show -P MainPID buslaned)
    strace --quiet=attach,exit -f -p "$pid" ${3:+-P "$3"} -e "trace=$1" -e "inject=$1:$2" -o /tmp/trace &
    tracer=$!
    wait_for 60 traced "$pid" || why "strace did not attach to the daemon"
}
# killed_at NUMBER SYSCALL [PATH]: the daemon dies as one of its threads enters that call for the NUMBERth time, before the
# kernel begins it
killed_at() { injected "$2" "signal=KILL:when=$1" "${3:-}"; }
# Every thread of it has a tracer
traced() { ! grep -qsE '^TracerPid:[[:space:]]*0$' /proc/"$1"/task/*/status; }
# died: the death that killed_at arranged has come
died() { ! kill -0 "$tracer" 2>/dev/null; }
# spared: the daemon is not to die any more
spared() { kill "$tracer" 2>/dev/null; wait "$tracer" 2>/dev/null; }

# frame CAPTURE MAC [VLAN]: prints the first such frame on that wire
frame() {
    local filter="ether src $2"
    [ -z "${3:-}" ] || filter="$filter and vlan $3"
    # The capture is still growing: its last record may be half there
    tcpdump -r "$1" -e -nn -c 1 "$filter" 2>/dev/null | grep .
}

# nested_domain NAME [DEVICES]: the XML of a q35 domain whose only program is
# iPXE, asking for an address on every card it finds, again and again
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
