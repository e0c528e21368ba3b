#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Devices of running guests alone, for who works on them; libvirt.sh has them among the rest.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"
# shellcheck source=live-checks.sh
. "$(dirname "$0")/live-checks.sh"

configure <<YAML
physicalFunctions:
  - { select: { addresses: ["$PF1"] }, vfCount: 3, vfDriver: vfio-pci }
pools:
  - { name: lanes, select: { kinds: [virtual-function], physicalFunctions: ["$PF1"] } }
YAML
systemctl start buslaned
check "the daemon serves" wait_for 60 daemon_answers
check "three VFs" exits 0 buslane apply --yes
live_checks
checks_end
