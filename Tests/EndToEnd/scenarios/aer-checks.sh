# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Errors that the hardware reports (Advanced Error Reporting), injected by the kernel's aer_inject.

# injected_error ADDRESS UNCORRECTABLE CORRECTABLE: the bits of the two status registers.
# Source: struct aer_error_inj, drivers/pci/pcie/aer_inject.c.
injected_error() {
    python3 - "$@" <<'PYTHON'
import re, struct, sys
domain, bus, device, function = (int(part, 16) for part in re.split("[:.]", sys.argv[1]))
words = (int(sys.argv[2], 16), int(sys.argv[3], 16), 0, 0, 0, 0, domain)
with open("/dev/aer_inject", "wb", buffering=0) as file:
    file.write(struct.pack("=BBBx7I", bus, device, function, *words))
PYTHON
}
# errors ADDRESS KIND: how many of that kind the kernel has counted
errors() { sed -n 's/^TOTAL_ERR_[A-Z]* //p' "$PCI/$1/aer_dev_$2"; }
counted() { [ "$(errors "$1" "$2")" -gt "$3" ]; }

# What must be the same after an error: functions, drivers, groups, VFs, claims
facts() {
    buslane inventory --json | jq -r '.functions[] | "\(.address) \(.driver) \(.iommuGroup) \(.sriov.numVFs) \(.link.width)"'
    buslane claims --json | jq -rc '.claims[] | [.id, .state, .assignments[].address]'
}
vf_is_set() { holds "$(ip link show "$(netdev "$LANES")")" "$error_mac" "vlan 66"; }

# survived ADDRESS KIND UNCORRECTABLE CORRECTABLE: the kernel handles such an error, and everything is as it was
survived() {
    local before count
    before=$(errors "$1" "$2")
    injected_error "$1" "$3" "$4" || return
    wait_for 60 counted "$1" "$2" "$before" || why "the kernel counts $(errors "$1" "$2") errors of $1, as before" || return
    as_before
}
as_before() {
    wait_for 60 is_as_before || why "it was: $ready; it is: $(facts)" || return
    wait_for 60 vf_is_set || return
    same "the daemon" "$(systemctl show -P MainPID buslaned)" "$main" || return
    exits 0 buslane plan && holds "$OUT" "nothing to do"
}
is_as_before() { [ "$(facts)" = "$ready" ]; }

can_inject() {
    modprobe aer_inject aer_mask_override=1 || return
    [ -c /dev/aer_inject ] || why "there is no /dev/aer_inject" || return
    exits 0 buslane allocate lanes --for errors --mac "$error_mac" --vlan 66 --quiet || return
    vf=$(buslane claims --json | jq -r --arg id "$OUT" '.claims[] | select(.id == $id) | .assignments[].address')
    vf_is_set || return
    ready=$(facts) main=$(systemctl show -P MainPID buslaned)
}

aer_checks() {
    error_mac=52:54:00:bb:00:66 vf="" ready="" main=""
    check "errors can be injected, and a claim has its MAC and VLAN" can_inject
    check "a corrected error of a VF changes nothing" survived "$vf" correctable 0 1
    check "a corrected error of a PF changes nothing" survived "$LANES" correctable 0 1
    check "an error of a PF that is not fatal changes nothing" survived "$LANES" nonfatal 4000 0
    # No fatal one: the kernel resets the card, and the emulated one does not come back, not even for the host to switch off.
}
