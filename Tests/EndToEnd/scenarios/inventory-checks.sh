# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The inventory against what other programs read of the same host, and the
# daemon's inventory while that host is changed by hand.

# ---- the same facts, a line each, from Buslane and from others

facts_of_capabilities='.functions[] | .address as $a | .capabilities as $c | .link as $l | .sriov as $s |
    ["port", $c.pciePortType], ["flr", $c.flr], ["msix", $c.msixTableSize],
    ["sriov", $c.sriov // false], ["ari", $c.ari // false], ["ats", $c.ats // false], ["pasid", $c.pasid // false],
    ["acs", $c.acs.present // false],
    ["acs-supported", (($c.acs.supported // []) | join(",") | if . == "" then "-" else . end)],
    ["acs-enabled", (($c.acs.enabled // []) | join(",") | if . == "" then "-" else . end)],
    ["link", "\($l.speedGTs) \($l.width) \($l.maxSpeedGTs) \($l.maxWidth)" | gsub("\\.0 "; " ")],
    ["vfs", "\($s.numVFs) \($s.offset) \($s.stride) \($s.vfDevice)"]
    | "\($a) \(.[0]) \(.[1])"'

capabilities_match() {
    exits 0 buslane inventory --json || return
    jq -r "$facts_of_capabilities" <<<"$OUT" | sort >/tmp/of-buslane
    lspci -Dvvv 2>/dev/null | python3 "$(dirname "$0")/lspci-facts.py" | sort >/tmp/of-lspci
    [ "$(wc -l </tmp/of-lspci)" -gt 100 ] || why "lspci printed next to nothing" || return
    equal "the inventory" /tmp/of-buslane "lspci -vvv" /tmp/of-lspci
}

names_match() {
    exits 0 buslane inventory --json || return
    jq -r '.functions[] | "\(.address)|\(.class.name)|\(.vendor.name)|\(.device.name)|\(.revision)"' <<<"$OUT" |
        sed 's/|null/|/g' | sort >/tmp/of-buslane
    lspci -Dvmm | awk -F'\t' '
        function out() { if (a != "") print a "|" c "|" v "|" d "|" r; a = c = v = d = ""; r = "00" }
        $1 == "Slot:" { out(); a = $2 } $1 == "Class:" { c = $2 } $1 == "Vendor:" { v = $2 }
        $1 == "Device:" { d = $2 } $1 == "Rev:" { r = $2 } END { out() }' |
        sed -E 's/\|Device [0-9a-f]{4}\|/||/' | sort >/tmp/of-lspci
    equal "the inventory" /tmp/of-buslane "lspci -vmm" /tmp/of-lspci
}

# name, MAC, state, MTU and master of every interface on a PCI function, and a PF's settings of its VFs
interfaces_match() {
    exits 0 buslane inventory --json || return
    jq -r '(.functions[] | .interfaces[] | "\(.name) \(.mac) \(.state) \(.mtu) \(.master)"),
        (.functions[] | select(.virtualFunction and .vfSettings) | .vfSettings as $s |
            "\(.virtualFunction.physicalFunction) \(.virtualFunction.index) \($s.mac) \($s.vlan) \($s.vlanQoS // 0) \($s.trust) \($s.spoofCheck) \($s.minTxRateMbps) \($s.maxTxRateMbps)")' \
        <<<"$OUT" | sort >/tmp/of-buslane
    ip -j -d link | jq -r '.[] | select(.parentbus == "pci") |
        "\(.ifname) \(.address) \(.operstate | ascii_downcase) \(.mtu) \(.master)",
        (.parentdev as $pf | .vfinfo_list // [] | .[] | (.vlan_list[0] // {}) as $v |
            "\($pf) \(.vf) \(.address) \($v.vlan // 0) \($v.qos // 0) \(.trust) \(.spoofchk) \(.rate.min_tx) \(.rate.max_tx)")' |
        sort >/tmp/of-ip
    equal "the inventory" /tmp/of-buslane "ip -d link" /tmp/of-ip
}

# attribute FILE: its text, or null
attribute() { cat "$1" 2>/dev/null || echo null; }

sysfs_matches() {
    local path node
    exits 0 buslane inventory --json || return
    # A driver can allow fewer VFs than the card has: sysfs shows that, lspci does not
    jq -r '(.functions[] | "\(.address) \(.sriov.totalVFs) \(.driverOverride) \(.resetMethods | join(" ")) \(.localCPUs) \(.vfioDevice)"),
        (.numaNodes[] | "node\(.id) \(.cpus) \(.distances | map(tostring) | join(" ")) \(.memory.totalBytes / 1024) " +
            (.hugepages | sort_by(.pageSizeBytes) | map("\(.pageSizeBytes / 1024)=\(.total)") | join(" "))),
        (.iommuGroups[] | "group\(.id) \(.type) \(.device)")' <<<"$OUT" | sort >/tmp/of-buslane
    {
        for path in "$PCI"/*; do
            echo "${path##*/} $(attribute "$path/sriov_totalvfs") $(attribute "$path/driver_override" | sed 's/^(null)$/null/') $(attribute "$path/reset_method" | sed 's/^null$//')" \
                "$(if [ "$(cat "$path/numa_node")" = -1 ]; then echo null; else cat "$path/local_cpulist"; fi)" \
                "$(basename "$(ls -d "$path"/vfio-dev/vfio* 2>/dev/null || echo null)")"
        done
        for node in /sys/devices/system/node/node[0-9]*; do
            echo "${node##*/} $(cat "$node/cpulist") $(cat "$node/distance") $(awk '/MemTotal/ { print $4 }' "$node/meminfo")" \
                "$(for path in "$node"/hugepages/*; do echo "$(sed 's/[^0-9]//g' <<<"${path##*/}")=$(cat "$path/nr_hugepages")"; done | sort -n | paste -sd' ')"
        done
        for path in /sys/kernel/iommu_groups/*; do
            echo "group${path##*/} $(cat "$path/type") $(ls "/dev/vfio/${path##*/}" 2>/dev/null || echo null)"
        done
    } | sort >/tmp/of-sysfs
    equal "the inventory" /tmp/of-buslane sysfs /tmp/of-sysfs
}

facts_match() { capabilities_match && names_match && interfaces_match && sysfs_matches && keep_inventory; }

# What is kept is validated against the schema where a validator is: outside.
keep_inventory() { cp <(echo "$OUT") "$LAB_OUT/inventory-$SECONDS.json"; }

# named_as_guest VF NAME: the function is shown as the running guest's
named_as_guest() {
    exits 0 buslane inventory --json || return
    keep_inventory
    same "$1's holder" "$(jq -r "$(function_of "$1").holders[0] | \"\(.kind) \(.name)\"" <<<"$OUT")" "domain $2"
}

# ---- while the host is changed by hand

inventory_says() { buslane inventory --json | jq -e "$1" >/dev/null; }
# comes WHAT FILTER: the daemon's inventory says so, before long
comes() { wait_for 180 inventory_says "$2" || why "the inventory does not tell: $1"; }
function_of() { printf '(.functions[] | select(.address == "%s"))' "$1"; }

follows_vfs() {
    echo 2 >"$PCI/$PF0/sriov_numvfs" || return
    comes "2 VFs" "$(function_of "$PF0").sriov.numVFs == 2 and ([.functions[] | select(.virtualFunction.physicalFunction == \"$PF0\")] | length) == 2" || return
    byhand_vf=$(vfs "$PF0" | head -n 1)
}
follows_driver() {
    local name
    wait_for 180 test -e "$PCI/$byhand_vf/driver" || why "no driver took $byhand_vf" || return
    name=$(driver "$byhand_vf")
    comes "$byhand_vf bound to $name" "$(function_of "$byhand_vf").driver == \"$name\"" || return
    echo "$byhand_vf" >"$PCI/$byhand_vf/driver/unbind"
    comes "$byhand_vf unbound" "$(function_of "$byhand_vf").driver == null"
}
follows_settings() {
    ip link set "$(netdev "$PF0")" vf 0 mac 52:54:00:bb:00:99
    ip link set "$(netdev "$PF0")" vf 0 vlan 77 qos 3
    comes "VF 0's MAC and VLAN" "$(function_of "$byhand_vf").vfSettings | .mac == \"52:54:00:bb:00:99\" and .vlan == 77 and .vlanQoS == 3"
}
follows_link() {
    local name
    name=$(netdev "$CARD")
    ip link set "$name" up
    comes "$name up" "$(function_of "$CARD").interfaces[0].state == \"up\"" || return
    ip link set "$name" mtu 1400
    comes "its MTU" "$(function_of "$CARD").interfaces[0].mtu == 1400" || return
    ip link set "$name" mtu 1500
    ip addr add 192.0.2.7/24 dev "$name"
    # There may be more: routers give addresses too
    comes "its address as a holder" "$(function_of "$CARD") | (.interfaces[0].addresses | index(\"192.0.2.7/24\")) != null and .holders[0].kind == \"network\"" || return
    ip addr del 192.0.2.7/24 dev "$name"
    ip link set "$name" down
    ip link set "$name" name byhand0
    comes "its new name" "$(function_of "$CARD").interfaces[0] | .name == \"byhand0\" and .state == \"down\" and .addresses == []" || return
    ip link set byhand0 name "$name"
}
follows_card() {
    echo 1 >"$PCI/$CARD/remove"
    comes "the card gone" "[.functions[].address] | index(\"$CARD\") == null" || return
    echo 1 >/sys/bus/pci/rescan
    comes "the card back" "$(function_of "$CARD").driver == \"e1000e\""
}
follows_no_vfs() {
    ip link set "$(netdev "$PF0")" vf 0 vlan 0
    echo 0 >"$PCI/$PF0/sriov_numvfs" || return
    comes "no VFs" "$(function_of "$PF0").sriov.numVFs == 0 and ([.functions[] | select(.virtualFunction)] | length) == 0"
}

watch_printed() {
    local line
    kill "$watching" 2>/dev/null
    jq -e . /tmp/watched >/dev/null || why "not all lines are JSON: $(tail -n 1 /tmp/watched)" || return
    same "the first line's event" "$(head -n 1 /tmp/watched | jq -r .event)" watching || return
    jq -r '"\(.event) \(.address) \(.fields | join(","))"' /tmp/watched >/tmp/watched-lines
    for line in "added $byhand_vf" "changed $byhand_vf.*driver" "changed $byhand_vf.*vfSettings" "removed $byhand_vf" \
        "changed $PF0.*sriov" "changed $CARD.*interfaces" "removed $CARD" "added $CARD"; do
        grep -q "^$line" /tmp/watched-lines || why "not among the $(wc -l </tmp/watched) lines: $line" || return
    done
}

inventory_checks() {
    check "capabilities, links and names are what lspci says, interfaces what ip says, the rest what sysfs says" facts_match
    buslane inventory --watch >/tmp/watched &
    watching=$!
    wait_for 180 grep -q watching /tmp/watched
    check "the daemon's inventory follows VFs made by hand" follows_vfs
    check "and a driver unbound by hand" follows_driver
    check "and a VF's MAC and VLAN, which cause no udev event" follows_settings
    check "and links, MTU, addresses and names of interfaces" follows_link
    check "with VFs and settings it is what lspci, ip and sysfs say" facts_match
    check "and a card that goes and comes back" follows_card
    check "and VFs taken away by hand" follows_no_vfs
    check "--watch printed each of these changes as a JSON line" watch_printed
}
