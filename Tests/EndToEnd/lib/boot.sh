# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Boots the emulated host and watches it.

boot_first_line=${LAB_FIRST_LINE_DEADLINE:-90}  # s until the kernel speaks
boot_multi_user=${LAB_BOOT_DEADLINE:-420}       # s until the guest side runs
boot_scenario=${LAB_DEADLINE:-3600}             # s for the scenario itself
boot_pid="" boot_talk="" boot_monitor=""

# Software emulation without what makes it slow: page tables of five levels, each walked by software; SMAP, which ends a
# block of translated code at each access to user memory; protection keys, whose register flushes the TLB at each write;
# fast strings (ERMS, FSRM), which the kernel and glibc then use to copy byte by byte.
boot_tcg_cpu=,la57=off,smap=off,smep=off,umip=off,pku=off,erms=off,fsrm=off
# The TSC is the clock: reading the HPET leaves the translated code for QEMU's device. The kernel does not trust it on two
# sockets by itself; QEMU derives that of all processors from one counter.
boot_tcg_append=" tsc=reliable clocksource=tsc nokaslr"

boot_kill() {
    [ -n "$boot_pid" ] || return 0
    kill -KILL "$boot_pid" 2>/dev/null || true
    wait "$boot_pid" 2>/dev/null || true
    # The scenario's last lines may still be on their way
    wait "$boot_talk" 2>/dev/null || true
    boot_pid=""
    [ -z "$boot_monitor" ] || rm -rf "$boot_monitor"
}

# boot_start QEMU OUT: starts QEMU in the background. It gets neither our stdin,
# whose end would close the scenario's port, nor our stdout, which it would make
# non-blocking for every process that shares it.
boot_start() {
    local qemu=$1 out=$2 pipes
    pipes=$(mktemp -d "${TMPDIR:-/tmp}/buslane-lab-pipes.XXXXXX")
    mkfifo "$pipes/in" "$pipes/out"
    exec 8<>"$pipes/in"
    cat <"$pipes/out" &
    boot_talk=$!
    (qemu_exec "$qemu" "${arguments[@]}") <&8 >"$pipes/out" 2>"$out/qemu.log" &
    boot_pid=$!
    exec 8<&-
    # Both ends are open as soon as QEMU's console exists
    while kill -0 "$boot_pid" 2>/dev/null && [ ! -e "$out/console.log" ]; do sleep 0.05; done
    rm -r "$pipes"
}

# boot_marker WORD SCENARIO: prints the rest of the line `# lab: WORD …` in its header
boot_marker() { sed -n "s/^# lab: $1 //p" "$lab_root/scenarios/$2.sh" 2>/dev/null | head -n 1 || true; }

# boot_disk NUMBER OF: fills the arrays `disk`, the options of the root disk in that boot of so many, and `disk_new`, the
# arguments with which qemu-img makes it. What the last boot writes is dropped, so it needs no disk of its own.
boot_disk() {
    local number=$1 base="$image/disk.img" format=raw
    [ "$number" -eq 1 ] || base="$out/disk-$((number - 1)).qcow2" format=qcow2
    if [ "$number" -eq "$2" ]; then
        disk=(-drive "file=$base,format=$format,if=none,id=root,snapshot=on,cache=unsafe") disk_new=()
    else
        disk=(-drive "file=$out/disk-$number.qcow2,format=qcow2,if=none,id=root,cache=unsafe")
        disk_new=(create -q -f qcow2 -b "$base" -F "$format" "$out/disk-$number.qcow2")
    fi
}

# boot_arguments MODE SCENARIO TOPOLOGY NUMBER: fills the array `arguments`.
boot_arguments() {
    local mode=$1 scenario=$2 number=$4 accel irqchip="" append
    accel=$(accel_choose "$image" "$qemu")
    say "emulated host with accel=$accel"
    [ "$accel" != kvm ] || irqchip=,kernel-irqchip=split
    local cpu=max,svm=off,vmx=off
    [ "$accel" != tcg ] || cpu+=$boot_tcg_cpu
    append="root=/dev/vda rw intel_iommu=on iommu=pt console=ttyS0 panic=-1 loglevel=6"
    # A periodic tick: under software emulation on a busy machine a one-shot
    # timer's interrupt can get lost, and its processor then sleeps for good
    append+=" highres=off nohz=off"
    # On a busy machine ten of its ticks can come too late for the kernel's test of them, which ends in a panic.
    append+=" no_timer_check"
    [ "$accel" != tcg ] || append+=$boot_tcg_append
    append+=" systemd.unit=lab.target systemd.show_status=no audit=0 mitigations=off net.ifnames=1"
    append+=" apparmor=1 security=apparmor"
    append+=" lab.mode=$mode lab.scenario=$scenario lab.color=$lab_color lab.boot=$number"
    topology_arguments "$out" "$3"
    arguments=(
        -name buslane-lab -nodefaults -display none
        -machine "q35,accel=$accel$irqchip" -cpu "$cpu"
        "${topology[@]}"
        -kernel "$image/kernel" -initrd "$image/initrd"
        "${disk[@]}"
        -device virtio-blk-pci,bus=pcie.0,addr=0x4,drive=root
        -device virtio-rng-pci,bus=pcie.0,addr=0x5
        -serial "file:$out/console.log"
        -device virtio-serial-pci,bus=pcie.0,addr=0x6
        -chardev stdio,id=talk,signal=off
        -fsdev "local,id=lab,path=$lab_root,security_model=none,readonly=on"
        -device virtio-9p-pci,bus=pcie.0,addr=0x7,fsdev=lab,mount_tag=lab
        -fsdev "local,id=out,path=$out,security_model=none"
        -device virtio-9p-pci,bus=pcie.0,addr=0x8,fsdev=out,mount_tag=out
    )
    # A host that reboots has failed, unless its scenario reboots it
    grep -qs '^# lab: reboots$' "$lab_root/scenarios/$scenario.sh" || arguments+=(-no-reboot)
    if [ "$mode" = shell ]; then
        # stty tells the guest how large the user's terminal is
        append+=" lab.size=$( (stty size 2>/dev/null || echo 24 80) | tr ' ' x)"
        arguments+=(-device virtconsole,chardev=talk)
    else
        arguments+=(-device virtserialport,chardev=talk,name=lab)
    fi
    arguments+=(-append "$append")
    [ "$(boot_marker monitor "$scenario")" != inside ] || boot_monitor_arguments
    if [ -n "$stage" ]; then
        arguments+=(
            -fsdev "local,id=stage,path=$stage,security_model=none,readonly=on"
            -device virtio-9p-pci,bus=pcie.0,addr=0x9,fsdev=stage,mount_tag=stage
        )
    fi
}

# With `# lab: monitor inside`, the emulated host has QEMU's own monitor (QMP) as /dev/virtio-ports/monitor, to take cards out
# and put others in. QEMU connects the port to the monitor's socket by itself. The path of a socket has at most 107 characters.
boot_monitor_arguments() {
    boot_monitor=$(mktemp -d "${TMPDIR:-/tmp}/buslane-lab-monitor.XXXXXX")
    arguments+=(
        -chardev "socket,id=monitor,path=$boot_monitor/socket,server=on,wait=off"
        -mon chardev=monitor,mode=control
        -chardev "socket,id=monitor-port,path=$boot_monitor/socket"
        -device virtserialport,chardev=monitor-port,name=monitor
    )
}

# boot_run IMAGE OUT STAGE SCENARIO: boots once with each topology of the scenario, with the same disk. The exit status is
# that of the last boot whose scenario failed.
boot_run() {
    local image=$1 out=$2 stage=$3 scenario=$4 qemu topologies number code=0 disk disk_new
    qemu=$(qemu_ensure "$image" "$(boot_marker qemu "$scenario")")
    read -r -a topologies <<<"$(boot_marker topology "$scenario")"
    [ ${#topologies[@]} -gt 0 ] || topologies=("")
    for ((number = 1; number <= ${#topologies[@]}; number++)); do
        boot_disk "$number" "${#topologies[@]}"
        boot_arguments run "$scenario" "${topologies[number - 1]}" "$number"
        boot_once || code=$?
        [ "$number" -eq "${#topologies[@]}" ] || mv "$out/console.log" "$out/console-$number.log"
    done
    rm -f "$out"/disk-*.qcow2 "$out"/drive-*.raw
    return "$code"
}

# One boot, with the arguments that were put together. The exit status is the scenario's.
boot_once() {
    local attempt verdict
    # Under software emulation a boot in ten can hang on a busy machine: three tries make that one in a thousand
    for attempt in 1 2 3; do
        rm -f "$out/started" "$out/exit-code" "$out/console.log"
        # What a boot wrote that has to be started again is dropped.
        [ ${#disk_new[@]} -eq 0 ] || (qemu_program "$qemu" qemu-img "${disk_new[@]}") ||
            fail "no disk for the emulated host in $out" "is its file system full?"
        boot_start "$qemu" "$out"
        verdict=$(boot_watch "$out")
        boot_kill
        [ "$attempt" -lt 3 ] || break
        case "$verdict" in
        silent) say "THE KERNEL PRINTED NOTHING IN $boot_first_line s: STARTING THE EMULATED HOST AGAIN ($attempt OF 2)" ;;
        stalled) say "THE KERNEL STALLED WHILE BOOTING: STARTING THE EMULATED HOST AGAIN ($attempt OF 2)" ;;
        unstarted) say "MULTI-USER NOT REACHED IN $boot_multi_user s: STARTING THE EMULATED HOST AGAIN ($attempt OF 2)" ;;
        *) break ;;
        esac
    done
    case "$verdict" in
    ended) ;;
    silent) fail "the emulated host's kernel printed nothing in $boot_first_line s, three times" "is this machine overloaded? LAB_FIRST_LINE_DEADLINE=SECONDS waits longer" ;;
    stalled)
        tail -n 20 "$out/console.log" >&2
        fail "the emulated host's kernel stalled while booting, three times" "is this machine overloaded? its console: $out/console.log"
        ;;
    unstarted)
        tail -n 20 "$out/console.log" >&2
        fail "the emulated host did not reach multi-user in $boot_multi_user s" "LAB_BOOT_DEADLINE=SECONDS waits longer; its console: $out/console.log"
        ;;
    overdue)
        tail -n 20 "$out/console.log" >&2
        fail "the scenario $scenario did not end in $boot_scenario s" "LAB_DEADLINE=SECONDS waits longer; its console: $out/console.log"
        ;;
    esac
    if [ ! -s "$out/exit-code" ]; then
        tail -n 20 "$out/console.log" "$out/qemu.log" >&2
        fail "the emulated host went away before the scenario ended" "read $out/console.log and $out/qemu.log"
    fi
    return "$(cat "$out/exit-code")"
}

# Watches the running host; prints ended, silent, stalled, unstarted or overdue.
boot_watch() {
    local out=$1 begin=$SECONDS started="" over=""
    while kill -0 "$boot_pid" 2>/dev/null; do
        if [ -z "$started" ] && [ -e "$out/started" ]; then started=$SECONDS; fi
        # A host can hang while it switches off.
        if [ -z "$over" ] && [ -s "$out/exit-code" ]; then over=$SECONDS; fi
        if [ -n "$over" ] && [ $((SECONDS - over)) -gt 60 ]; then break; fi
        if [ -n "$started" ]; then
            if [ $((SECONDS - started)) -gt "$boot_scenario" ]; then echo overdue; return; fi
        elif [ $((SECONDS - begin)) -gt "$boot_first_line" ] && [ ! -s "$out/console.log" ]; then
            echo silent
            return
        elif grep -q 'rcu.*detected.*stall' "$out/console.log" 2>/dev/null; then
            echo stalled
            return
        elif [ $((SECONDS - begin)) -gt "$boot_multi_user" ]; then
            echo unstarted
            return
        fi
        sleep 0.3
    done
    echo ended
}

# An interactive root shell on the user's terminal.
boot_shell() {
    local image=$1 out=$2 stage=$3 qemu="$1/host" saved status=0 disk disk_new
    boot_disk 1 1
    boot_arguments shell - "" 1
    say "booting, about a minute under software emulation; leave the shell (exit) to end the host"
    saved=$(stty -g)
    (qemu_exec "$qemu" "${arguments[@]}") 2>"$out/qemu.log" || status=$?
    stty "$saved"
    if [ -s "$out/qemu.log" ]; then cat "$out/qemu.log" >&2; fi
    [ "$status" -eq 0 ] || fail "the emulated host ended with status $status" "its console: $out/console.log"
}
