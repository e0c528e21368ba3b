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

claim_field() { buslane claims --json | jq -r --arg id "$1" ".claims[] | select(.id == \$id) | $2"; }
fingerprint() { find "$PCI"/*/driver -maxdepth 0 -printf '%p %l\n'; }
configure <<YAML
physicalFunctions:
  - select: { addresses: ["$PF1"] }
    vfCount: 3
    driversAutoprobe: false
    vfDriver: vfio-pci
pools:
  - name: dataplane
    select: { kinds: [virtual-function], vendors: ["8086"], devices: ["10ca"] }
YAML
systemctl enable --quiet --now buslaned
buslane apply --yes || exit 1
ready=$(fingerprint)
live_checks
checks_end
