# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A host whose domains are virtqemud's: by its unit, its process's name and its
# socket, and no libvirtd there. Debian has no such program; libvirtd, with the
# same driver in it, serves that socket here, under that name. Needs
# guest-tools.sh, checks.sh, define-checks.sh, a daemon and libvirtd.

modular_configuration() { define_configuration; }
modular_units=(libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket)

modular_takes_over() {
    systemctl stop "${modular_units[@]}" && systemctl mask --quiet --runtime "${modular_units[@]}" || return
    cp /usr/sbin/libvirtd /usr/sbin/virtqemud
    cat >/run/systemd/system/virtqemud.socket <<'UNIT'
[Socket]
ListenStream=/run/libvirt/virtqemud-sock
FileDescriptorName=libvirtd.socket
SocketMode=0666
RemoveOnStop=yes
UNIT
    cat >/run/systemd/system/virtqemud.service <<'UNIT'
[Unit]
Requires=virtqemud.socket virtlogd.socket
After=virtqemud.socket virtlogd.socket
[Service]
Type=notify-reload
ExecStart=/usr/sbin/virtqemud
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
LimitMEMLOCK=64M
UNIT
    systemctl daemon-reload && systemctl start virtqemud.socket || return
    # By default Debian's virsh connects only to libvirtd's socket
    export LIBVIRT_DEFAULT_URI=qemu:///system?mode=auto
    exits 0 virsh --quiet list || return
    [ ! -e /run/libvirt/libvirt-sock ] || why "libvirtd's socket is there" || return
    same "the daemon that runs" "$(cat "/proc/$(systemctl show -P MainPID virtqemud)/comm")" virtqemud
}
modular_hook_status() {
    exits 0 buslane hook install --json || return
    same "the daemon that runs the hook" "$(jq -r .libvirt <<<"$OUT")" virtqemud && same "its effect" "$(jq -r .effect <<<"$OUT")" in-force
}
modular_binds() {
    asking m1 defined "<b:device name='data0' pool='near'/>" >/tmp/m1.xml
    virsh --quiet define /tmp/m1.xml || return
    wait_for 180 has_device m1 data0 || why "m1 has no device: $(buslane events | tail -n 2)" || return
    exits 0 virsh start m1 && state_is m1 running && runs_with m1 data0 || return
    same "m1's claim" "$(buslane claims --json | jq -r '.claims[] | select(.ownerName == "m1") | .state')" inUse
}
modular_restarts() {
    systemctl restart virtqemud
    asking m2 running "<b:device name='data0' pool='far'/>" >/tmp/m2.xml
    virsh --quiet define /tmp/m2.xml && exits 0 virsh start m2 || return
    wait_for 180 runs_with m2 data0 || why "not plugged in: $(buslane events | tail -n 2)" || return
    wait_for 180 is_in_hand m1 || why "virtqemud does not take m1 up" || return
    state_is m1 running && one_owner
}
modular_gives_way() {
    local name
    for name in m1 m2; do
        virsh --quiet destroy "$name"
        virsh --quiet undefine "$name"
    done
    modular_is_empty() { has_no_claim m1 && has_no_claim m2; }
    wait_for 180 modular_is_empty || why "left: $(claims_of m1) $(claims_of m2)" || return
    systemctl stop virtqemud.service virtqemud.socket
    rm -f /usr/sbin/virtqemud /run/systemd/system/virtqemud.*
    systemctl unmask --quiet --runtime "${modular_units[@]}"
    unset LIBVIRT_DEFAULT_URI
    systemctl daemon-reload && systemctl start libvirtd.socket || return
    exits 0 virsh --quiet list
}

modular_checks() {
    check "virtqemud serves, and no libvirtd" modular_takes_over
    check "the hook is virtqemud's" modular_hook_status
    check "a domain that is defined there is bound, and starts with its device" modular_binds
    check "virtqemud restarts: its guest runs on, and one that claims at its start is heard of" modular_restarts
    check "libvirtd takes the place again" modular_gives_way
}
