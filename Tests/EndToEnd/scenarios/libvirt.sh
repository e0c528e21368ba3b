#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Buslane and a real libvirtd, with AppArmor enforcing: the hook, domains that
# request devices, and devices attached and detached while a guest runs. Each
# link to this file runs the part of its name.
set -uo pipefail
here=$(dirname "$0")
# shellcheck source=guest-tools.sh
. "$here/guest-tools.sh"
# shellcheck source=checks.sh
. "$here/checks.sh"
for part in hook define live team companion modular; do
    # shellcheck source=/dev/null
    . "$here/$part-checks.sh"
done
case "$(basename "$0" .sh)" in
libvirt) parts=(hook define live companion modular) ;;
*) parts=("$(basename "$0" .sh)") ;;
esac

claim_field() { buslane claims --json | jq -r --arg id "$1" ".claims[] | select(.id == \$id) | $2"; }
fingerprint() { find "$PCI"/*/driver -maxdepth 0 -printf '%p %l\n'; }

# The configuration of each part; the part `define` has its own.
hook_configuration() {
    # Seven VFs on each node, three of each a pool for many starts at once; the last one of node 1 is a pool of its own as well
    cat <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF0"] }, vfCount: 7, vfDriver: vfio-pci }
  - { select: { addresses: ["$PF1"] }, vfCount: 7, vfDriver: vfio-pci }
pools:
  - { name: lanes, select: { kinds: [virtual-function], physicalFunctions: ["$PF0", "$PF1"] } }
  - { name: serve, select: { physicalFunctions: ["$PF0", "$PF1"], vfs: [0, 1, 2] } }
  - { name: last, select: { physicalFunctions: ["$PF1"], vfs: [6] } }
YAML
}

hook_configuration | configure
systemctl enable --quiet --now buslaned
check "the daemon serves" wait_for 180 daemon_answers

for part in "${parts[@]}"; do
    printf '\n# %s  [%d s]\n' "$part" "$SECONDS"
    if [ "$part" != define ]; then
        "${part}_configuration" | configure
        check "the cards have VFs for it" exits 0 buslane apply --yes
    fi
    ready=$(fingerprint)
    "${part}_checks"
done
buslane audit >"$LAB_OUT/audit.txt"
buslane events >"$LAB_OUT/events.txt"
journalctl -b -u buslaned -u libvirtd --no-pager >"$LAB_OUT/journal-ours.txt"
printf '\n# took %d s\n' "$SECONDS"
checks_end
