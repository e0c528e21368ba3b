#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# lab: topology two-cards two-cards-moved two-cards-other
# One disk, three boots: as installed; with one more card, so that both others have other addresses, the first one that of
# the second; with another card of the same model in the first one's slot.
set -uo pipefail
# shellcheck source=guest-tools.sh
. "$(dirname "$0")/guest-tools.sh"
# shellcheck source=checks.sh
. "$(dirname "$0")/checks.sh"

ledger=/var/lib/buslane/ledger.sqlite kept=/var/lib/lab-kept
mac_a=52:54:00:bb:00:0a mac_b=52:54:00:bb:00:0b
CARD_A=52:54:00:aa:00:01 CARD_B=52:54:00:aa:00:02 OTHER=52:54:00:aa:00:0a

# card MAC: the address of the PF whose interface has it; nothing if there is none
card() {
    local file
    file=$(grep -lx "$1" "$PCI"/*/net/*/address | head -n 1)
    file=${file#"$PCI/"}
    echo "${file%%/*}"
}
claims_are() { same "the functions of the claims" "$(buslane claims --json | jq -r '.claims[] | "\(.ownerName) \(.assignments[].address)"' | sort | paste -sd' ')" "$1"; }
quarantined() { sqlite3 -readonly "$ledger" "SELECT address FROM quarantine UNION SELECT address FROM doubt ORDER BY address" | paste -sd' '; }
recorded() { sqlite3 -readonly "$ledger" "SELECT physicalFunction FROM $1 ORDER BY physicalFunction" | paste -sd' '; }
# enforces PF MAC VLAN [OTHER-MAC]: it has this of a VF, and of no VF the other one
enforces() {
    local link
    link=$(ip link show "$(netdev "$1")")
    holds "$link" "$2" "vlan $3" || return
    [ -z "${4:-}" ] || ! grep -q "$4" <<<"$link" || why "$1 has $4: $link"
}
domain_xml() { virsh dumpxml --inactive fw1; }
# names ADDRESS: the domain's persistent XML has that function, and one function only
names() {
    local found
    found=$(domain_xml | sed -n "/<source>/,/<\/source>/s/.*domain='0x\(....\)' bus='0x\(..\)' slot='0x\(..\)' function='0x\(.\)'.*/\1:\2:\3.\4/p")
    same "the functions in fw1's XML" "$found" "$1"
}

# ---- the first boot

installed() {
    configure <<YAML
physicalFunctions:
  - { select: { macs: ["$CARD_A"] }, vfCount: 2, vfDriver: vfio-pci }
  - { select: { macs: ["$CARD_B"] }, vfCount: 2, vfDriver: vfio-pci }
pools:
  - { name: first, select: { macs: ["$CARD_A"], kinds: [virtual-function] } }
  - { name: second, select: { macs: ["$CARD_B"], kinds: [virtual-function] } }
  - { name: any, select: { devices: ["10ca"] } }
YAML
    systemctl enable --quiet --now buslaned
    wait_for 180 daemon_answers && exits 0 buslane apply --yes || return
    same "the cards" "$(card "$CARD_A") $(card "$CARD_B")" "0000:01:00.0 0000:02:00.0"
}
claimed() {
    nested_domain fw1 >/tmp/fw1.xml
    virsh --quiet define /tmp/fw1.xml || return
    exits 0 buslane allocate first --for domain:fw1 --mac "$mac_a" --vlan 10 --quiet && exits 0 buslane domain attach fw1 || return
    exits 0 buslane allocate second --for rig --mac "$mac_b" --vlan 20 --quiet || return
    claims_are "fw1 0000:01:10.0 rig 0000:02:10.0" && names 0000:01:10.0 || return
    enforces 0000:01:00.0 "$mac_a" 10 && enforces 0000:02:00.0 "$mac_b" 20
}

# ---- the second boot

moved() {
    wait_for 180 daemon_answers || why "the daemon does not answer: $(journalctl -b -u buslaned -o cat -n 3)" || return
    same "the cards" "$(card "$CARD_A") $(card "$CARD_B")" "0000:02:00.0 0000:03:00.0" || return
    claims_are "fw1 0000:02:10.0 rig 0000:03:10.0"
}
# Whoever names that address means the card that was there.
newcomer_withheld() {
    same "what is in quarantine" "$(quarantined)" 0000:01:00.0 || return
    exits 0 buslane inventory --address 0000:01:00.0 --json || return
    holds "$(jq -r '.functions[0].holders[] | select(.kind == "quarantine") | .detail' <<<"$OUT")" "another card is here" "0000:02:00.0" || return
    exits 0 buslane recover 0000:01:00.0 && same "what is in quarantine after recover" "$(quarantined)" ""
}
settings_moved() {
    enforces 0000:02:00.0 "$mac_a" 10 "$mac_b" && enforces 0000:03:00.0 "$mac_b" 20 "$mac_a" || return
    for vf in $(vfs 0000:02:00.0) $(vfs 0000:03:00.0); do same "$vf's driver" "$(driver "$vf")" vfio-pci || return; done
}
records_moved() {
    same "the cards with a recorded original" "$(recorded original)" "0000:02:00.0 0000:03:00.0" &&
        same "the declared cards" "$(recorded declared)" "0000:02:00.0 0000:03:00.0" || return
    exits 0 buslane plan && holds "$OUT" "nothing to do"
}
audit_tells() {
    exits 0 buslane audit --json || return
    same "the moves in the audit trail" \
        "$(jq -r '[.entries[] | select(.verb == "move") | "\(.subject) \(.detail | split(";")[0])"] | sort | join(", ")' <<<"$OUT")" \
        "0000:02:00.0 was 0000:01:00.0, 0000:03:00.0 was 0000:02:00.0"
}
nobody_else_has_it() {
    exits 0 buslane allocate any --count 2 --for another --quiet || return
    claims_are "another 0000:02:10.2 another 0000:03:10.2 fw1 0000:02:10.0 rig 0000:03:10.0" || return
    exits 75 buslane allocate any --for one-more && exits 0 buslane release --for another
}
# Buslane moves the domain's XML when libvirt answers.
xml_follows() {
    virsh --quiet list >/dev/null
    wait_for 180 follows
}
follows() { names 0000:02:10.0; }

# ---- the third boot

doubted() {
    wait_for 180 daemon_answers || why "the daemon does not answer: $(journalctl -b -u buslaned -o cat -n 3)" || return
    same "the cards" "$(card "$OTHER") $(card "$CARD_B")" "0000:02:00.0 0000:03:00.0" || return
    same "what is in quarantine" "$(quarantined)" "0000:02:00.0 0000:02:10.0" || return
    exits 0 buslane inventory --address 0000:02:00.0 --json || return
    holds "$(jq -r '.functions[0].holders[] | select(.kind == "quarantine") | .detail' <<<"$OUT")" "not certain which card this is" "$CARD_A" "$OTHER"
}
untouched() {
    same "the other card's VFs" "$(numvfs 0000:02:00.0)" 0 || return
    ! grep -q "$mac_a" <<<"$(ip link show "$(netdev 0000:02:00.0)")" || why "it has the MAC address of fw1's claim" || return
    enforces 0000:03:00.0 "$mac_b" 20
}
start_refused() {
    exits 1 virsh start fw1 || return
    holds "$(grep 'buslane:' <<<"$ERR")" refused "not certain which card this is"
}
released() {
    exits 0 buslane release --for domain:fw1 && claims_are "rig 0000:03:10.0" || return
    # What else is recorded of the address is the first card's until somebody says that this one is meant.
    [ -z "$(quarantined)" ] || exits 0 buslane recover 0000:02:00.0 || return
    wait_for 60 nothing_quarantined || why "in quarantine: $(quarantined)"
}
nothing_quarantined() { [ -z "$(quarantined)" ]; }

# The summary counts the checks of all boots.
checks_passed=0 checks_failed=0
[ ! -e "$kept" ] || read -r checks_passed checks_failed <"$kept"
case "$LAB_BOOT" in
1)
    printf '\n# as installed  [%d s]\n' "$SECONDS"
    check "two cards have VFs" installed
    check "a domain that is defined has a VF of the first card, a name one of the second" claimed
    ;;
2)
    printf '\n# with one more card before them  [%d s]\n' "$SECONDS"
    check "each claim is where its card is, at another address" moved
    check "the new card, which has the first one's address, is withheld until somebody says that it is meant" newcomer_withheld
    check "each card has the settings of its own claim, and not those of the other" settings_moved
    check "the original and declared states have moved with the cards" records_moved
    check "the audit trail says which card moved, and from where" audit_tells
    check "nobody else gets a function of these claims" nobody_else_has_it
    check "the domain's XML gets the new address" xml_follows
    ;;
3)
    printf '\n# with another card in the first slot  [%d s]\n' "$SECONDS"
    check "the card in the old place and the claimed VF are in quarantine, and both MAC addresses are named" doubted
    check "the other card is left as it was, and the second card's claim has what it had" untouched
    check "a start is refused with that reason" start_refused
    check "after the release of the claim, and recover, nothing is in quarantine" released
    ;;
esac
echo "$checks_passed $checks_failed" >"$kept"
buslane audit >"$LAB_OUT/audit-$LAB_BOOT.txt"
journalctl -b -u buslaned --no-pager >"$LAB_OUT/journal-$LAB_BOOT.txt"
[ "$LAB_BOOT" -eq 3 ] || exit "$((checks_failed > 0))"
checks_end
