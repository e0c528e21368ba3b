#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Buslane and a real libvirtd, with AppArmor enforcing: the hook, domains that
# ask for devices, and devices that come and go while a guest runs.
set -uo pipefail
here=$(dirname "$0")
# shellcheck source=guest-tools.sh
. "$here/guest-tools.sh"
# shellcheck source=checks.sh
. "$here/checks.sh"
parts=()
for part in hook define live; do
    [ -e "$here/$part-checks.sh" ] || continue
    # shellcheck source=/dev/null
    . "$here/$part-checks.sh"
    parts+=("$part")
done

# Seven VFs on each node; the last one of node 1 is a pool of its own.
configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF0"] }, vfCount: 7, vfDriver: vfio-pci }
  - { select: { addresses: ["$PF1"] }, vfCount: 7, vfDriver: vfio-pci }
pools:
  - { name: lanes, select: { kinds: [virtual-function], physicalFunctions: ["$PF0", "$PF1"] } }
  - { name: last, select: { physicalFunctions: ["$PF1"], vfs: [6] } }
YAML
systemctl start buslaned
check "the daemon serves" wait_for 60 daemon_answers
check "seven VFs on each card" exits 0 buslane apply --yes

for part in "${parts[@]}"; do
    printf '\n# %s  [%d s]\n' "$part" "$SECONDS"
    "${part}_checks"
done
checks_end
