#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Domains that say what they need, from their definition to their end.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"
# shellcheck source=define-checks.sh
. "$(dirname "$0")/define-checks.sh"

systemctl enable --quiet --now buslaned
wait_for 60 daemon_answers
define_checks
buslane audit >"$LAB_OUT/audit.txt"
buslane events >"$LAB_OUT/events.txt"
journalctl -b -u buslaned -u libvirtd --no-pager >"$LAB_OUT/journal-ours.txt"
printf '\n# took %d s\n' "$SECONDS"
checks_end
