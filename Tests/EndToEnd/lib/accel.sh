# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# KVM or software emulation? /dev/kvm can exist and not work, so this tries it.

# Prints kvm or tcg. A guest of 64 KiB whose first instructions write to QEMU's
# debug port: the exit status 33 comes only from a processor that ran them.
accel_choose() {
    local image=$1 bios status=0
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
    bios=$(mktemp "${TMPDIR:-/tmp}/buslane-lab-bios.XXXXXX")
    {
        head -c 65520 /dev/zero
        # mov al,0x10; mov dx,0xf4; out dx,al; hlt
        printf '\xb0\x10\xba\xf4\x00\xee\xf4'
        head -c 9 /dev/zero
    } >"$bios"
    (
        # shellcheck disable=SC2030
        timeout --kill-after=1 8 bash -c '. "$1/lib/image.sh"; shift; qemu_exec "$@"' lab "$lab_root" "$image" \
            -machine q35,accel=kvm,kernel-irqchip=split -m 16 -nodefaults -display none \
            -device isa-debug-exit,iobase=0xf4,iosize=4 -bios "$bios"
    ) >/dev/null 2>&1 </dev/null || status=$?
    rm -f "$bios"
    if [ "$status" -eq 33 ]; then echo kvm; else echo tcg; fi
}
