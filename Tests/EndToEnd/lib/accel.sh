# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# KVM or software emulation? /dev/kvm can exist and not work, or work for some
# instructions only, so this boots the image's kernel with it and listens.

# accel_choose IMAGE QEMU: prints kvm or tcg.
accel_choose() {
    local image=$1 qemu=$2 trial pid heard=tcg deadline
    case "${LAB_ACCEL:-auto}" in
    kvm | tcg)
        printf '%s\n' "$LAB_ACCEL"
        return
        ;;
    esac
    if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
        echo tcg
        return
    fi
    trial=$(mktemp -d "${TMPDIR:-/tmp}/buslane-lab-kvm.XXXXXX")
    : >"$trial/console"
    (qemu_exec "$qemu" -machine q35,accel=kvm,kernel-irqchip=split -cpu max -m 256 -nodefaults \
        -display none -no-reboot -serial "file:$trial/console" -kernel "$image/kernel" \
        -append 'console=ttyS0 panic=-1') </dev/null >/dev/null 2>"$trial/complaint" &
    pid=$!
    deadline=$((SECONDS + 10))
    while [ "$SECONDS" -lt "$deadline" ]; do
        if grep -q 'Linux version' "$trial/console"; then
            heard=kvm
            break
        fi
        if ! kill -0 "$pid" 2>/dev/null || grep -q 'KVM internal error' "$trial/complaint"; then break; fi
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -rf "$trial"
    echo "$heard"
}
