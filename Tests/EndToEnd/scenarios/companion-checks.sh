# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The two functions of one card in one guest: in one slot from the start on,
# each in a slot of its own where they are plugged in; what libvirt takes out
# again and what not. Needs guest-tools.sh, checks.sh, live-checks.sh (its
# Linux guest, into which they are plugged there), a daemon and libvirtd.

companion_pool() { echo "  - { name: twins, select: { addresses: [\"$TWIN_A\"] } }"; }
companion_configuration() {
    echo pools:
    companion_pool
}

companion_console=/var/log/libvirt/qemu/twin1-console.log

companion_domain() {
    live_domain | sed "s|live1|twin1|g; s|$live_console|$companion_console|
        s|<controller type='usb'|<controller type='pci' index='3' model='pcie-root-port'/>&|"
}
# companion_places: the guest's bus and function of each, a line each
companion_places() {
    virsh dumpxml "${1:-twin1}" | sed -n "/<hostdev/,/<\/hostdev>/ s/.*<address type='pci'.* bus='0x\(..\)'.* function='0x\(.\)'.*/\1 \2/p"
}
companion_drivers() { same "their drivers" "$(driver "$TWIN_A") $(driver "$TWIN_B")" "$1"; }
# companion_claim [GUEST]: the state of its claim of the card
companion_claim() {
    buslane claims --json | jq -r --arg guest "${1:-twin1}" '.claims[] | select(.ownerName == $guest and .pool == "twins") | .state'
}

companion_in_one_slot() {
    live_kernel
    companion_domain >/tmp/twin1.xml
    virsh --quiet define --validate /tmp/twin1.xml || return
    exits 0 buslane allocate twins --for domain:twin1 --name both || return
    exits 0 buslane domain attach twin1 && exits 0 virsh start twin1 || return
    companion_drivers "vfio-pci vfio-pci" || return
    same "buses" "$(companion_places | cut -d' ' -f1 | sort -u | wc -l)" 1 || return
    same "functions" "$(companion_places | cut -d' ' -f2 | sort | paste -sd' ')" "0 1"
}
# The guest has not booted and gets no request
companion_stays() {
    exits 1 buslane domain detach twin1 && one_error && holds "$ERR" "both, both-f1" "share a slot" "--config" || return
    exits 1 buslane domain evict twin1 && one_error && holds "$ERR" "share a slot" || return
    same "the running guest" "$(in_guest twin1)" 2 && same "the persistent XML" "$(in_config twin1)" 2 || return
    exits 0 buslane domain show twin1 && holds "$OUT" "can migrate: no" "shares a slot" || return
    # What makes it so, by libvirt's own word
    ! virsh detach-device-alias twin1 ua-buslane-both 2>/tmp/twin1.said || why "libvirt takes it out after all" || return
    holds "$(cat /tmp/twin1.said)" "multifunction PCI guest address" || return
    exits 0 buslane domain detach twin1 --config && same "the persistent XML then" "$(in_config twin1)" 0 || return
    same "the claim" "$(companion_claim)" inUse || return
    virsh --quiet destroy twin1
}
companion_released() {
    exits 0 buslane release --for domain:twin1 && virsh --quiet undefine twin1 || return
    companion_drivers "e1000e e1000e"
}
# Into the Linux guest of live-checks.sh, while it runs
companion_plugged() {
    exits 0 buslane allocate twins --for domain:live1 --name both || return
    exits 0 buslane domain attach live1 --live || return
    same "the running guest" "$(in_guest)" 2 && same "the claim" "$(companion_claim live1)" inUse || return
    same "buses" "$(companion_places live1 | cut -d' ' -f1 | sort -u | wc -l)" 2 || return
    same "functions" "$(companion_places live1 | cut -d' ' -f2 | sort -u)" 0
}
companion_unplugged() {
    exits 0 buslane domain detach live1 --live --wait 60s || return
    same "the running guest" "$(in_guest)" 0 && same "the claim" "$(companion_claim live1)" bound || return
    exits 0 buslane release --for domain:live1 || return
    companion_drivers "e1000e e1000e"
}

companion_checks() {
    check "two functions of a card are in one slot of a guest that starts with them" companion_in_one_slot
    check "out of that slot nothing is taken while it runs, and that is said before the guest is asked" companion_stays
    check "released, the card is back on its driver" companion_released
}
