#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lab: topology drives
# lab: monitor inside
# Hosts that differ from the ordinary one: drives that are in use without a mount, a USB controller that a program has open,
# functions of no NUMA node, cards that report errors, interfaces in containers, cards that are exchanged while the host runs.
set -uo pipefail
here=$(dirname "$0")
# shellcheck source=guest-tools.sh
. "$here/guest-tools.sh"
# shellcheck source=checks.sh
. "$here/checks.sh"
for part in drive node aer exchange container; do
    # shellcheck source=/dev/null
    . "$here/$part-checks.sh"
done

# shellcheck disable=SC2034 # used by the checks
LANES=0000:07:00.0 USB=0000:08:00.0 PLAIN=0000:09:00.0 SYSTEM=0000:00:04.0

configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$LANES"] }, vfCount: 3, vfDriver: vfio-pci }
pools:
  - { name: lanes, select: { physicalFunctions: ["$LANES"], kinds: [virtual-function] } }
  - { name: drives, select: { classes: ["0108"] } }
  - { name: d1, select: { addresses: ["0000:01:00.0"] } }
  - { name: d2, select: { addresses: ["0000:02:00.0"] } }
  - { name: d3, select: { addresses: ["0000:03:00.0"] } }
  - { name: d4, select: { addresses: ["0000:04:00.0"] } }
  - { name: d5, select: { addresses: ["0000:05:00.0"] } }
  - { name: d6, select: { addresses: ["0000:06:00.0"] } }
  - { name: usb, select: { addresses: ["$USB"] } }
  - { name: plain, select: { addresses: ["$PLAIN"] } }
  - { name: system, select: { addresses: ["$SYSTEM"] } }
YAML
systemctl enable --quiet --now buslaned
check "the daemon serves" wait_for 180 daemon_answers

for part in node drive aer exchange container; do
    printf '\n# %s  [%d s]\n' "$part" "$SECONDS"
    "${part}_checks"
done
buslane audit >"$LAB_OUT/audit.txt"
buslane events >"$LAB_OUT/events.txt"
journalctl -b -u buslaned --no-pager >"$LAB_OUT/journal-ours.txt"
printf '\n# took %d s\n' "$SECONDS"
checks_end
