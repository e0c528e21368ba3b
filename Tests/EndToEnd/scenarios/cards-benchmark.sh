#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lab: topology four-cards
# Cutting up four igb cards and binding all their VFs to vfio-pci: Buslane, a bare shell loop with the same effects, and
# driverctl, in turn, several rounds; and the binding alone, which is all that driverctl does. Writes seconds to
# $LAB_OUT/cards.json. A round that does not end with every VF bound is a failure and no number.
set -uo pipefail
PCI=/sys/bus/pci/devices
CARDS="0000:41:00.0 0000:42:00.0 0000:81:00.0 0000:83:00.0"
VFS=7 ROUNDS=3

vfs() { for link in $PCI/"$1"/virtfn*; do basename "$(readlink "$link")"; done; }
fail() {
    printf 'not ok %s\n' "$*"
    exit 1
}

all_bound() {
    local card vf
    for card in $CARDS; do
        [ "$(cat "$PCI/$card/sriov_numvfs")" = $VFS ] || fail "$card has not $VFS VFs after $1"
        for vf in $(vfs "$card"); do
            [ "$(basename "$(readlink "$PCI/$vf/driver")")" = vfio-pci ] || fail "$vf is not on vfio-pci after $1"
        done
    done
}

put_back() {
    local card
    for card in $CARDS; do
        echo 0 >"$PCI/$card/sriov_numvfs"
        echo 1 >"$PCI/$card/sriov_drivers_autoprobe"
    done
    rm -f /etc/driverctl.d/*
    udevadm settle --timeout=60
}

# The VFs stay, and have neither driver nor override.
loosen() {
    local card vf
    for card in $CARDS; do
        for vf in $(vfs "$card"); do
            echo "$vf" >"$PCI/$vf/driver/unbind"
            echo >"$PCI/$vf/driver_override"
        done
    done
    rm -f /etc/driverctl.d/*
    udevadm settle --timeout=60
}

cut_up() {
    local card
    for card in $CARDS; do
        echo 0 >"$PCI/$card/sriov_drivers_autoprobe"
        echo $VFS >"$PCI/$card/sriov_numvfs"
    done
}

# The kernel's own time: the fewest writes that have the same effects, with nothing looked at and nothing remembered.
bare_binding() {
    local card vf
    for card in $CARDS; do
        for vf in "$PCI/$card"/virtfn*; do
            vf=$(readlink "$vf") vf=${vf##*/}
            echo vfio-pci >"$PCI/$vf/driver_override"
            echo "$vf" >/sys/bus/pci/drivers_probe
        done
    done
}

driverctl_binding() {
    local card vf
    for card in $CARDS; do
        for vf in $(vfs "$card"); do driverctl set-override "$vf" vfio-pci || fail "driverctl on $vf"; done
    done
}

buslane_binding() { buslane apply --yes >/dev/null 2>&1 || fail "buslane apply"; }

bare() { cut_up && bare_binding; }
by_driverctl() { cut_up && driverctl_binding; }
by_buslane() { buslane_binding; }

# timed NAME: one round, whose seconds are kept in the file of that name
timed() {
    local begin
    begin=${EPOCHREALTIME/./}
    "$1"
    echo $((${EPOCHREALTIME/./} - begin)) >>"/tmp/$1"
    echo "# $1: $(tail -n 1 "/tmp/$1") us"
    all_bound "$1"
}

echo "$CARDS" | tr ' ' '\n' | jq -R . | jq -s '{physicalFunctions: [{select: {addresses: .}, vfCount: 7, vfDriver: "vfio-pci"}]}' \
    >/etc/buslane/buslane.yaml
echo 'physicalFunctions: []' >/tmp/nothing.yaml
modprobe vfio-pci
systemctl start buslaned || fail "the daemon does not start"
: >/tmp/plan

# One round of each that is not counted: drivers, caches
for round in $(seq 0 "$ROUNDS"); do
    [ "$round" -ne 1 ] || rm -f /tmp/bare /tmp/bare_binding /tmp/by_* /tmp/*_binding
    put_back
    timed bare
    for binding in driverctl_binding buslane_binding bare_binding; do
        loosen
        timed $binding
        # It is not to mind what is done to its VFs from now on.
        [ $binding != buslane_binding ] || buslane apply --yes -f /tmp/nothing.yaml >/dev/null || fail "putting back"
    done
    put_back
    timed by_driverctl
    put_back
    timed by_buslane
    buslane apply --yes -f /tmp/nothing.yaml >/dev/null || fail "putting back"
    begin=${EPOCHREALTIME/./}
    buslane plan >/dev/null || fail "buslane plan"
    echo $((${EPOCHREALTIME/./} - begin)) >>/tmp/plan
    echo "# round $round of $ROUNDS"
done

# In seconds
list() { jq -s 'map(. / 1000000)' <"$1"; }
jq -n --argjson bare "$(list /tmp/bare)" --argjson driverctl "$(list /tmp/by_driverctl)" --argjson buslane "$(list /tmp/by_buslane)" \
    --argjson plan "$(list /tmp/plan)" --argjson bareBinding "$(list /tmp/bare_binding)" \
    --argjson driverctlBinding "$(list /tmp/driverctl_binding)" --argjson buslaneBinding "$(list /tmp/buslane_binding)" \
    '$ARGS.named + {vfs: 28}' >"$LAB_OUT/cards.json"
cat "$LAB_OUT/cards.json"
for tool in bare by_driverctl by_buslane bare_binding driverctl_binding buslane_binding; do echo "# $tool: $(tr '\n' ' ' <"/tmp/$tool")"; done
