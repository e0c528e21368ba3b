#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The lab's side inside the emulated host, run as root by lab.service once
# multi-user is reached: mounts what the runner shares, lays the stage tree
# over the root, runs the scenario, notes its exit code, switches off.
#   /lab        Tests/EndToEnd, read-only      /lab-stage   the stage tree
#   /lab-out    the runner's OUT folder; the growing wire-node0.pcap and
#               wire-node1.pcap in it are what the two igb ports put on the wire
set -uo pipefail

word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^lab\.$1=//p"; }
mode=$(word mode) scenario=$(word scenario)

share() {
    local try
    mkdir -p "/lab-$1"
    # Found later than its module is loaded, or not at all: then it is not there
    for try in 1 2 3 4 5; do
        mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$2" "$1" "/lab-$1" 2>/dev/null && return
        sleep 0.2
    done
    return 1
}

finish() {
    sync
    systemctl poweroff -ff >/dev/null 2>&1
}

# Drivers of cards and of the port that we talk over
modprobe -a virtio_console 9pnet_virtio
udevadm settle --timeout=60

share out cache=none
touch /lab-out/started
export LC_ALL=C.UTF-8 HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LAB_WIRE_NODE0=/lab-out/wire-node0.pcap LAB_WIRE_NODE1=/lab-out/wire-node1.pcap LAB_OUT=/lab-out
LAB_BOOT=$(word boot)
export LAB_BOOT # 1, or which boot of a scenario with several topologies
if [ "$(word color)" = 1 ]; then export LAB_COLOR=1 TERM=xterm-256color; else export NO_COLOR=1 TERM=dumb; fi

if [ "$mode" = shell ]; then
    exec </dev/hvc0 >/dev/hvc0 2>&1
    size=$(word size)
    stty sane rows "${size%x*}" cols "${size#*x}"
else
    [ -c /dev/virtio-ports/lab ] || { echo "lab: no port to talk over" >/dev/ttyS0; finish; }
    exec </dev/null >/dev/virtio-ports/lab 2>&1
fi

# As on a host in service, the ports that carry VFs are up.
for device in /sys/bus/pci/drivers/igb/*/net/*; do
    [ -e "$device" ] && ip link set "${device##*/}" up
done

# Once: after a reboot it lies there, and libvirtd may be running its hook
laid=/var/lib/lab-stage-laid
if [ ! -e "$laid" ] && share stage ro,cache=loose; then
    # --no-overwrite-dir: the stage's folders do not lend the root their modes
    tar -C /lab-stage -cf - . |
        tar -C / --no-same-owner --no-overwrite-dir --keep-directory-symlink -xf - || echo "lab: the stage could not be laid"
    systemd-sysusers
    systemd-tmpfiles --create 2>/dev/null
    systemctl daemon-reload
    udevadm control --reload
    if systemctl is-active --quiet libvirtd.service; then systemctl reload libvirtd; fi
    touch "$laid"
fi

if [ "$mode" = shell ]; then
    cat <<'TEXT'

This is the emulated SR-IOV host. lspci shows its devices, /lab/lib/topology.sh
explains them; /lab-out/wire-node0.pcap and wire-node1.pcap grow as frames leave.
`exit` switches it off.

TEXT
    cd /root || exit 1
    setsid --ctty bash --login -i
else
    bash "/lab/scenarios/$scenario.sh"
    code=$?
    [ "$code" -eq 0 ] || journalctl -b --no-pager >/lab-out/journal.txt 2>&1
    echo "$code" >/lab-out/exit-code
fi
finish
