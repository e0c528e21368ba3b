#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A card of two functions in a guest, for who works on that.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"
# shellcheck source=live-checks.sh
. "$(dirname "$0")/live-checks.sh"
# shellcheck source=companion-checks.sh
. "$(dirname "$0")/companion-checks.sh"

companion_configuration | configure
systemctl enable --quiet --now buslaned
check "the daemon serves" wait_for 60 daemon_answers
companion_checks
checks_end
