# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is declared of single VFs and of a card's interface, against what the
# kernel says of them. igb: it knows no 802.1ad and no link state of a VF.

vf_settings_configuration() {
    cat <<YAML
physicalFunctions:
  - select: { addresses: ["$PF1"] }
    vfCount: 3
    vfDriver: vfio-pci
    mtu: 2000
    vfs:
      - { range: 0, mac: "52:54:00:bb:00:07", vlan: 100, qos: 3, spoofCheck: off, trust: on }
      - { range: "1-2", trust: on$1 }
pools:
  - name: lanes
    select: { physicalFunctions: ["$PF1#1-2"] }
    defaults: { vlan: 9 }
YAML
}

# vf_shown INDEX: the line that `ip link` prints of that VF of PF1
vf_shown() { ip link show "$(netdev "$PF1")" | grep -E "^ *vf $1 "; }

vf_settings_checked() {
    vf_settings_configuration '' >/tmp/vfs.yaml
    exits 0 buslane config check /tmp/vfs.yaml || return
    sed 's/range: "1-2"/range: "0-2"/' /tmp/vfs.yaml >/tmp/overlap.yaml
    exits 1 buslane config check /tmp/overlap.yaml && holds "$OUT" "/tmp/overlap.yaml:8:" "VF 0" "/tmp/overlap.yaml:7:" || return
    sed "s/addresses: .*/pfNames: [\"$(netdev "$PF1")x\"] }/" /tmp/vfs.yaml >/tmp/nobody.yaml
    exits 1 buslane config check /tmp/nobody.yaml && holds "$OUT" "there is $(netdev "$PF1")"
}

vf_settings_applied() {
    exits 0 buslane apply --yes -f /tmp/vfs.yaml || return
    holds "$(vf_shown 0)" 52:54:00:bb:00:07 "vlan 100" "qos 3" "spoof checking off" "trust on" || return
    holds "$(vf_shown 2)" "spoof checking on" "trust on" || return
    same "the MTU" "$(cat "$PCI/$PF1/net/"*/mtu)" 2000 || return
    exits 0 buslane apply --yes -f /tmp/vfs.yaml && holds "$OUT" "nothing to do"
}

# vf_settings_refused SETTING: it is refused, and the VF's other setting is undone
vf_settings_refused() {
    local before
    vf_settings_configuration ", spoofCheck: off, $1" >/tmp/refused.yaml
    before=$(vf_shown 1)
    exits 1 buslane apply --yes -f /tmp/refused.yaml && one_error || return
    same "VF 1" "$(vf_shown 1)" "$before"
}

vf_settings_claimed() {
    local id mac address
    vf_settings_configuration '' | configure
    exits 0 buslane allocate lanes --for fw7 --quiet || return
    id=$OUT mac=$(claim_field "$id" '.assignments[].mac') address=$(addresses_of "$id")
    same "the function" "$address" "$(vfs "$PF1" | sed -n 2p)" || return
    same "the MAC address' kind" "$(cut -c2 <<<"$mac")" 2 || return
    holds "$(vf_shown 1)" "$mac" "vlan 9" "trust on" || return
    exits 0 buslane release "$id" || return
    case "$(vf_shown 1)" in *vlan*) why "the VLAN stayed: $(vf_shown 1)" || return ;; esac
    exits 0 buslane allocate lanes --for fw8 --quiet || return
    same "the MAC address the second time" "$(claim_field "$OUT" '.assignments[].mac')" "$mac" || return
    exits 0 buslane release "$OUT"
}

vf_settings_checks() {
    check "config check reports both places of a VF that is declared twice, and suggests the right name" vf_settings_checked
    check "apply sets what is declared of single VFs and the card's MTU, once" vf_settings_applied
    check "a VLAN protocol that the driver does not know leaves the VF as it was" vf_settings_refused "vlan: 5, protocol: 802.1ad"
    check "so does a link state" vf_settings_refused "linkState: disable"
    check "a claim gets the pool's defaults and a MAC address of its own, the same again the next time" vf_settings_claimed
}
