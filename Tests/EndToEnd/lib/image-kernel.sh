#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by image.sh: writes the uncompressed kernel of the tree $1 to its
# /boot/vmlinux-VERSION. A guest inside the emulated host starts with it in
# half the time: it need not unpack itself there (QEMU enters it by its PVH note).
# Source: Documentation/arch/x86/boot.rst, the fields setup_sects, payload_offset, payload_length.
set -euo pipefail
tree=$1
kernel=$(echo "$tree"/boot/vmlinuz-*)
plain=${kernel/vmlinuz/vmlinux}

# number OFFSET BYTES: an unsigned number of the kernel's header
number() { od -An -tu"$2" -j "$1" -N "$2" "$kernel" | tr -d ' '; }
begin=$((($(number $((0x1f1)) 1) + 1) * 512 + $(number $((0x248)) 4)))
# The last four bytes are the size when unpacked.
length=$(($(number $((0x24c)) 4) - 4))
payload() { head -c $((begin + length)) "$kernel" | tail -c +$((begin + 1)); }

case "$(payload | od -An -tx1 -N 4 | tr -d ' ')" in
28b52ffd) payload | chroot "$tree" zstd -dcq >"$plain" ;;
fd377a58) payload | chroot "$tree" /bin/busybox xz -dc >"$plain" ;;
*)
    echo "the kernel is compressed in a way that image-kernel.sh does not know" >&2
    exit 1
    ;;
esac
