# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# libvirt's hook: what it refuses, what it claims, what it costs when one of
# the three (hook, daemon, libvirtd) dies in the middle, under AppArmor.

HOOK=/etc/libvirt/hooks/qemu.d/50-buslane SPOOL=/var/lib/buslane/spool

# asking_domain NAME REQUEST-ATTRIBUTES DEVICES [MIB]: the XML of a q35 domain with a
# request and two free root ports
asking_domain() {
    nested_domain "$1" "    <controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'/>
" | sed "s|<memory unit='MiB'>96</memory>|<memory unit='MiB'>${4:-32}</memory>\\
  <metadata><b:request xmlns:b='urn:buslane:request:1' $2>$3</b:request></metadata>|"
}
define_asking() { asking_domain "$@" | virsh --quiet define --validate /dev/stdin; }
forget_domain() { virsh --quiet destroy "$1" >/dev/null 2>&1; virsh --quiet undefine "$1"; }
state_of() { virsh domstate "$1" 2>/dev/null | head -n 1; }
is_in_state() { [ "$(state_of "$1")" = "$2" ]; }
# held NAME: addresses of what a domain holds, a line each
held() { buslane claims --json | jq -r --arg name "$1" '.claims[] | select(.ownerName == $name) | .assignments[].address' | sort; }
holds_nothing() { [ -z "$(held "$1")" ]; }
# plugged NAME: its guest has what it holds
plugged() { [ "$(virsh dumpxml "$1" | grep -c "alias name='ua-buslane-")" -ge "${2:-1}" ]; }
hook_waits() { pgrep -f "50-buslane $1 prepare" >/dev/null; }
daemon_pid() { systemctl show -P MainPID buslaned; }
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }

# account [FILE]: from now on the kernel writes a record of every process that ends to the file; without one no more.
# Source: acct(2); x86-64's number of it.
account() {
    [ -z "${1:-}" ] || : >"$1"
    perl -e 'exit(syscall(163, @ARGV ? $ARGV[0] : 0) ? 1 : 0)' "$@"
}
# accounted FILE COMMAND EXIT-CODE: the milliseconds that each such process lived, by the kernel's hundredths
accounted() {
    perl -e 'local $/ = \64; open my $file, "<", $ARGV[0]; while (<$file>) {
        my ($flag, $version, $tty, $code, $uid, $gid, $pid, $parent, $began, $lived) = unpack "CCSL6f", $_;
        my $name = unpack "Z16", substr($_, 48);
        printf "%d\n", $lived * 10 if $name eq $ARGV[1] && $code >> 8 == $ARGV[2];
    }' "$@" | sort -n
}

# ---- its place, and AppArmor

apparmor_enforces() {
    holds "$(cat /sys/kernel/security/apparmor/profiles)" 'libvirtd (enforce)' 'virt-aa-helper (enforce)' || return
    virsh --quiet list >/dev/null || return
    same "libvirtd's confinement" "$(tr -d '\0' <"/proc/$(pidof libvirtd)/attr/current")" 'libvirtd (enforce)'
}

hook_is_installed() {
    exits 0 buslane hook status --json || return
    same "the hook" "$(jq -r .state <<<"$OUT")" installed || return
    same "its effect" "$(jq -r .effect <<<"$OUT")" in-force || return
    same "AppArmor" "$(jq -r .appArmor <<<"$OUT")" 'libvirtd (enforce)' || return
    cp -p "$HOOK" "$HOOK.dpkg-old"
    exits 1 buslane hook status || return
    holds "$OUT" "$HOOK.dpkg-old is Buslane's hook as well" || return
    rm "$HOOK.dpkg-old"
    exits 77 setpriv --reuid=65534 --regid=65534 --clear-groups buslane hook remove || return
    exits 0 buslane hook remove && exits 1 buslane hook status || return
    exits 0 buslane hook install || return
    same "the folder" "$(ls -A "${HOOK%/*}")" 50-buslane || return
    exits 0 buslane hook install --json
    same "the effect after it was put in again" "$(jq -r .effect <<<"$OUT")" in-force
}

# ---- by itself, as libvirt calls it

hook_lets_pass() {
    nested_domain plain >/tmp/plain.xml
    asking_domain asking "" "<b:device name='a' pool='lanes'/>" >/tmp/asking.xml
    local operation limit
    for operation in prepare start started stopped release reconnect migrate restore; do
        BUSLANE_SOCKET=/nowhere exits 0 "$HOOK" plain "$operation" begin - </tmp/plain.xml || return
        [ -z "$OUT$ERR" ] || why "it said: $OUT$ERR" || return
    done
    # A domain with a request, while no daemon answers
    for operation in start started stopped release reconnect; do
        BUSLANE_SOCKET=/nowhere BUSLANE_SPOOL=/tmp/spool exits 0 "$HOOK" asking "$operation" begin - </tmp/asking.xml || return
    done
    same "what it left" "$(ls /tmp/spool | wc -l)" 3 || return
    # Without a free descriptor, and without room for a file
    for operation in stopped release reconnect; do
        for limit in --nofile=0 --nofile=3 --fsize=10; do
            BUSLANE_SOCKET=/nowhere BUSLANE_SPOOL=/tmp/spool exits 0 prlimit $limit "$HOOK" asking "$operation" begin - </tmp/asking.xml || return
        done
    done
    exits 1 prlimit --nofile=0 "$HOOK" asking prepare begin - </tmp/asking.xml || return
    holds "$ERR" 'buslane: start of asking refused: the hook cannot open a socket' || return
    BUSLANE_SOCKET=/nowhere exits 1 "$HOOK" asking prepare begin - </tmp/asking.xml || return
    same "its line" "$ERR" "buslane: start of asking refused: no daemon answers at /nowhere (fix: systemctl start buslaned)"
}

# In a session of one's own libvirt runs the same hook
hook_of_a_user() {
    exits 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$HOOK" plain prepare begin - </tmp/plain.xml || return
    exits 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$HOOK" asking prepare begin - </tmp/asking.xml || return
    holds "$ERR" 'buslane: start of asking refused: user 65534 may not use' 'fix:' || return
    exits 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$HOOK" asking release end shutdown </tmp/asking.xml
}

hook_reads_a_lot() {
    local operation
    { cat /tmp/plain.xml; head -c 20M /dev/zero | tr '\0' x; } >/tmp/large.xml
    exits 1 "$HOOK" plain prepare begin - </tmp/large.xml || return
    holds "$ERR" "its XML has more than" || return
    for operation in stopped release reconnect; do
        exits 0 "$HOOK" plain "$operation" end - </tmp/large.xml || return
    done
    rm /tmp/large.xml
    exits 1 "$HOOK" plain prepare begin - </etc || return
    holds "$ERR" "its XML cannot be read"
}

# ---- two for the last one, and what the second sees of the first

define_last() {
    define_asking one "binding='running'" "<b:device name='d' pool='last' mac='52:54:00:bb:00:11' vlan='77' trust='on'/>" 96
    define_asking two "binding='running'" "<b:device name='d' pool='last' mac='52:54:00:bb:00:12'/>" 96
    define_asking three "binding='running'" "<b:device name='d' pool='lanes'/>"
}
two_for_the_last() {
    local first second
    virsh start --paused one >/tmp/one.said 2>&1 &
    first=$!
    virsh start --paused two >/tmp/two.said 2>&1 &
    second=$!
    if wait $first; then winner=one loser=two; else winner=two loser=one; fi
    if wait $second; then [ $winner = two ] || why "both started" || return; else [ $winner = one ] || why "none started: $(cat /tmp/one.said /tmp/two.said)" || return; fi
    holds "$(cat /tmp/$loser.said)" 'buslane: start of' "claimed by $winner" || return
    same "its holder" "$(held $winner)" "$last_vf" && same "what the other holds" "$(held $loser)" ""
}

# settings NAME: MAC and VLAN that its request asks for
vf_settings() { ip link show "$(netdev "$PF1")" | grep -A0 -E "^ *vf 6 "; }
wanted_of() { case $1 in one) echo "52:54:00:bb:00:11 77 on" ;; two) echo "52:54:00:bb:00:12 - off" ;; esac; }

on_the_wire() {
    local name=$1 mac vlan trust
    read -r mac vlan trust <<<"$(wanted_of "$name")"
    wait_for 180 plugged "$name" || why "the device was not plugged into $name: $(journalctl -u buslaned -n 4 -o cat)" || return
    holds "$(vf_settings)" "$mac" "trust $trust" || return
    if [ "$vlan" = - ]; then ! grep -q vlan <<<"$(vf_settings)" || why "a VLAN is left: $(vf_settings)" || return; else holds "$(vf_settings)" "vlan $vlan" || return; fi
    virsh --quiet resume "$name" || return
    if [ "$vlan" = - ]; then wait_for 600 frame_untagged "$mac"; else wait_for 600 frame "$LAB_WIRE_NODE1" "$mac" "$vlan"; fi ||
        why "no frame of $name from $mac" || return
}
frame_untagged() { tcpdump -r "$LAB_WIRE_NODE1" -e -nn -c 1 "ether src $1 and not vlan" 2>/dev/null | grep .; }

second_owner() {
    local mac vlan trust before after
    exits 0 virsh destroy $winner && wait_for 180 holds_nothing $winner || why "$winner still holds $(held $winner)" || return
    read -r mac vlan trust <<<"$(wanted_of $winner)"
    ! grep -qE "$mac|trust on|vlan" <<<"$(vf_settings)" || why "left of the first: $(vf_settings)" || return
    before=$(tcpdump -r "$LAB_WIRE_NODE1" -nn "ether src $mac" 2>/dev/null | wc -l)
    exits 0 virsh start --paused $loser && on_the_wire $loser || return
    after=$(tcpdump -r "$LAB_WIRE_NODE1" -nn "ether src $mac" 2>/dev/null | wc -l)
    same "frames with the first owner's MAC" "$after" "$before" || return
    exits 0 virsh destroy $loser && wait_for 180 holds_nothing $loser
}

# ---- deaths in the middle

daemon_dies_while_hook_waits() {
    local pid waiting
    pid=$(daemon_pid)
    kill -STOP "$pid"
    virsh start --paused one >/tmp/one.said 2>&1 &
    waiting=$!
    wait_for 180 hook_waits one || why "the hook does not wait" || return
    kill -KILL "$pid"
    ! wait $waiting || why "it started" || return
    holds "$(cat /tmp/one.said)" 'buslane: start of one refused: no daemon answers' || return
    wait_for 180 daemon_answers && same "one" "$(state_of one)" "shut off" && same "what one holds" "$(held one)" "" || return
    exits 0 virsh start --paused one || return
    same "what one holds" "$(held one)" "$last_vf" && exits 0 virsh destroy one && wait_for 180 holds_nothing one
}

# in_prepare NAME: libvirtd is killed while that domain's hook waits; the hook's yes comes after
libvirtd_killed_in_prepare() {
    kill -STOP "$(daemon_pid)"
    virsh start --paused "$1" >/tmp/said 2>&1 &
    wait_for 180 hook_waits "$1" || why "the hook does not wait" || return
    kill -KILL "$(pidof libvirtd)"
    kill -CONT "$(daemon_pid)"
    wait $! && why "the start went on" && return 1
    wait_for 180 virsh --quiet list >/dev/null || why "libvirtd is not back" || return
    same "$1" "$(state_of "$1")" "shut off"
}
libvirtd_dies_in_prepare() {
    libvirtd_killed_in_prepare one || return
    same "what one holds" "$(held one)" "$last_vf" || return
    # The same domain may start at once, with what was claimed
    exits 0 virsh start --paused one && same "what one holds" "$(held one)" "$last_vf" || return
    exits 0 virsh destroy one && wait_for 180 holds_nothing one
}
# After a start that is not tried again no hook is called: a minute later its claims are released
left_in_prepare() {
    libvirtd_killed_in_prepare three || return
    same "how much three holds" "$(held three | wc -l)" 1
}
left_is_released() {
    wait_for 600 holds_nothing three || why "three still holds $(held three)" || return
    same "steps left open" "$(sqlite3 -readonly /var/lib/buslane/ledger.sqlite 'SELECT count(*) FROM intent')" 0 || return
    forget_domain three
}

stop_without_daemon() {
    exits 0 virsh start --paused one && same "what one holds" "$(held one)" "$last_vf" || return
    systemctl stop buslaned
    exits 0 virsh destroy one || return
    [ -n "$(ls "$SPOOL")" ] || why "the hook left nothing" || return
    systemctl start buslaned && wait_for 180 daemon_answers || return
    same "what one holds" "$(held one)" "" && same "the spool" "$(ls "$SPOOL")" ""
}

# ---- ten at once over six

ten_at_once() {
    local number node begin=$SECONDS name started=0 refused=0 said held_all slowest=0 took by_hook
    for number in $(seq 1 10); do
        node=$((number % 2))
        define_asking "serve$number" "binding='running' numa='required:$node'" "<b:device name='d' pool='serve'/>" || return
    done
    echo "# defined in $((SECONDS - begin)) s"
    account /var/tmp/accounts || why "the kernel does not account for processes" || return
    begin=$SECONDS
    for number in $(seq 1 10); do
        (
            before=$(milliseconds)
            virsh start --paused "serve$number" >"/tmp/serve$number.said" 2>&1
            echo "$? $(($(milliseconds) - before))" >"/tmp/serve$number.ended"
        ) &
    done
    wait $(jobs -p)
    account
    by_hook=$(accounted /var/tmp/accounts 50-buslane 1)
    for number in $(seq 1 10); do
        name=serve$number node=$((number % 2))
        read -r said took <"/tmp/$name.ended"
        if [ "$said" = 0 ]; then
            started=$((started + 1))
            same "$name's VF's node" "$(cat "$PCI/$(held "$name")/numa_node")" "$node" || return
        else
            refused=$((refused + 1)) loser=$name
            holds "$(cat "/tmp/$name.said")" "buslane: start of $name refused: pool 'serve'" || return
            [ "$took" -le "$slowest" ] || slowest=$took
        fi
    done
    {
        echo "# 10 starts at once ended in $((SECONDS - begin)) s: $started started, $refused refused, the slowest after $slowest ms by virsh"
        echo "# the hook took, from its start to its end, where it refused: $(tr '\n' ' ' <<<"$by_hook")ms; where it did not: $(accounted /var/tmp/accounts 50-buslane 0 | tail -n 6 | tr '\n' ' ')ms"
    } | tee /tmp/ten
    same "started" "$started" 6 && same refused "$refused" 4 || return
    same "refusals that the hook made" "$(wc -l <<<"$by_hook")" 4 || return
    held_all=$(for number in $(seq 1 10); do held "serve$number"; done | sort | uniq -c | awk '$1 != 1')
    same "functions that two hold" "$held_all" "" || return
    same "functions held" "$(for number in $(seq 1 10); do held "serve$number"; done | wc -l)" 6
}
# Through virsh, and the hook by itself: under software emulation virsh and libvirt take most of the time
refused_once_more() {
    local before by_virsh
    before=$(milliseconds)
    exits 1 virsh start --paused "$loser" || return
    holds "$ERR" "pool 'serve'" || return
    by_virsh=$(($(milliseconds) - before))
    virsh dumpxml "$loser" >/tmp/loser.xml
    before=$(milliseconds)
    exits 1 /etc/libvirt/hooks/qemu.d/50-buslane "$loser" prepare begin - </tmp/loser.xml || return
    echo "# a refusal while 6 run: $by_virsh ms by virsh, $(($(milliseconds) - before)) ms of it the hook's" >>/tmp/ten
}
hook_stays_while_needed() {
    exits 1 buslane hook remove && one_error && holds "$ERR" "6 claims are in use" "--force" || return
    exits 0 buslane hook status
}
all_plugged() {
    local number
    for number in $(seq 1 10); do
        ! is_in_state "serve$number" paused || wait_for 600 plugged "serve$number" ||
            why "serve$number has no device: $(journalctl -u buslaned -n 3 -o cat)" || return
    done
    ! dmesg | grep 'apparmor="DENIED"' || why "AppArmor denied something"
}
all_released() {
    local number
    for number in $(seq 1 10); do forget_domain "serve$number"; done
    wait_for 180 claims_are_none || why "left: $(buslane claims --quiet | tr '\n' ' ')"
}
claims_are_none() { [ -z "$(buslane claims --quiet)" ]; }

hook_checks() {
    check "AppArmor enforces libvirtd's profile" apparmor_enforces
    check "hook status prints what libvirt runs; remove and install leave exactly one file" hook_is_installed
    check "the hook lets other domains start, never fails a report, and refuses in one line" hook_lets_pass
    check "as a user's own hook it passes, or gives its reason" hook_of_a_user
    check "it refuses a start whose XML it does not know to its end" hook_reads_a_lot
    last_vf=$(vfs "$PF1" | sed -n 7p)
    check "domains are defined for the last VF" define_last
    check "kill -9 of libvirtd in prepare: the claim stays, since the start may be tried again" left_in_prepare
    check "kill -9 of the daemon while a hook waits: refused, nothing claimed, the next start works" daemon_dies_while_hook_waits
    check "kill -9 of libvirtd in prepare: the next start uses the claim" libvirtd_dies_in_prepare
    check "a stop while the daemon is down is spooled, and processed when it is back" stop_without_daemon
    check "the claims of a start that was not tried again are released" left_is_released
    check "10 domains at once over 6 VFs: 6 start on VFs of their nodes, 4 are refused" ten_at_once
    [ ! -e /tmp/ten ] || cat /tmp/ten
    check "one more is refused with the reason while 6 run" refused_once_more
    [ ! -e /tmp/ten ] || tail -n 1 /tmp/ten
    check "the hook is not removed while guests run with what they claimed" hook_stays_while_needed
    check "each of the 6 has its VF plugged in, and AppArmor denied nothing" all_plugged
    check "all claims are released when they are gone" all_released
    check "of two domains started at once for the last VF one starts; the other's refusal names the holder" two_for_the_last
    check "the first owner's frames are on the wire as asked" on_the_wire "${winner:-one}"
    check "the second owner's VF keeps no setting of the first, also on the wire" second_owner
    forget_domain one
    forget_domain two
}
