#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by image.sh: makes a fresh Debian tree ($1) into the emulated host.
set -euo pipefail
tree=$1

echo sriov-lab >"$tree/etc/hostname"
printf '127.0.0.1 localhost sriov-lab\n' >"$tree/etc/hosts"
printf '/dev/vda / ext4 defaults,noatime 0 0\n' >"$tree/etc/fstab"
: >"$tree/etc/machine-id"
chroot "$tree" passwd -q -d root
mkdir -p "$tree/etc/libvirt/hooks/qemu.d" "$tree/etc/buslane" "$tree/lab"

# Nothing that only costs time under software emulation.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer man-db.timer systemd-networkd-wait-online.service \
    systemd-timesyncd.service getty@tty1.service serial-getty@ttyS0.service getty.target \
    libvirt-guests.service systemd-rfkill.service ldconfig.service systemd-hwdb-update.service \
    systemd-update-done.service systemd-journal-catalog-update.service \
    systemd-update-utmp.service systemd-random-seed.service systemd-pcrmachine.service \
    keyboard-setup.service console-setup.service logrotate.timer dev-hugepages.mount \
    systemd-binfmt.service proc-sys-fs-binfmt_misc.automount modprobe@drm.service \
    libvirtd-tls.socket libvirtd-tcp.socket systemd-firstboot.service systemd-tpm2-setup.service \
    systemd-tpm2-setup-early.service mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer \
    lvm2-monitor.service blk-availability.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
# Arrays are assembled by hand: udev would assemble one again that was stopped.
mkdir -p "$tree/etc/mdadm"
echo 'AUTO -all' >"$tree/etc/mdadm/mdadm.conf"
# libvirtd starts at the first connection to its sockets.
rm -f "$tree/etc/systemd/system/multi-user.target.wants/libvirtd.service"
rm -rf "$tree/etc/libvirt/qemu/networks/autostart"
# driverctl's rule starts a shell for each new VFIO group. No figure includes that.
ln -sf /dev/null "$tree/etc/udev/rules.d/89-vfio-uio.rules"
# AppArmor enforces libvirt's profiles, as on Debian. The other packages' profiles are for programs that are not here.
for profile in "$tree"/etc/apparmor.d/*; do
    case "${profile##*/}" in
    abi | abstractions | disable | force-complain | libvirt | local | tunables | usr.lib.libvirt.virt-aa-helper | \
        usr.sbin.libvirtd | virtqemud) ;;
    *) rm -rf "$profile" ;;
    esac
done
mkdir -p "$tree/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >"$tree/etc/systemd/journald.conf.d/lab.conf"

# The host's own way in: once multi-user is reached, run what the runner gave.
cat >"$tree/etc/systemd/system/lab.target" <<'UNIT'
[Unit]
Description=The emulated host does what the lab's runner asks
Requires=multi-user.target
After=multi-user.target
Wants=lab.service
AllowIsolate=yes
UNIT
cat >"$tree/etc/systemd/system/lab.service" <<'UNIT'
[Unit]
Description=Run the lab's guest side
After=multi-user.target
[Service]
Type=simple
# The device may be found later than its module is loaded: the kernel then says "no channels available"
ExecStartPre=/bin/sh -c 'for try in $(seq 100); do mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose lab /lab && exit; sleep 0.2; done; exit 1'
ExecStart=/bin/bash /lab/lib/guest.sh
KillMode=process
UNIT
chroot "$tree" apt-get clean
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin
