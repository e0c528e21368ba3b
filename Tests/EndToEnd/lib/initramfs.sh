#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Called by image.sh: writes to $2 an initramfs for the tree $1 that does one
# thing: load what the root disk needs and go on there. Debian's own takes
# several times as long under software emulation.
set -euo pipefail
tree=$1 out=$2
version=$(basename "$tree"/usr/lib/modules/*)
root=$(mktemp -d "$tree/tmp/initramfs.XXXXXX")
inside=${root#"$tree"}
mkdir -p "$root"/{bin,dev,proc,sys,root,modules}
cp "$tree/bin/busybox" "$root/bin/busybox"
for module in virtio_pci virtio_blk ext4; do
    chroot "$tree" modprobe --set-version "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$root/order.full"
while read -r path; do
    name=$(basename "$path")
    cp "$tree$path" "$root/modules/$name"
    case "$name" in
    *.xz) chroot "$tree" /bin/busybox unxz "$inside/modules/$name" && name=${name%.xz} ;;
    *.zst) chroot "$tree" zstd -q --rm -d "$inside/modules/$name" && name=${name%.zst} ;;
    esac
    echo "$name" >>"$root/order"
done <"$root/order.full"
rm "$root/order.full"
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
while read -r m; do /bin/busybox insmod "/modules/$m"; done </order
tries=0
until [ -b /dev/vda ] || [ $tries -ge 100 ]; do /bin/busybox sleep 0.1; tries=$((tries + 1)); done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || { echo "initramfs: no root disk"; exec /bin/busybox poweroff -f; }
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
INIT
chmod 755 "$root/init"
chroot "$tree" /bin/busybox sh -c "cd '$inside' && find . | busybox cpio -o -H newc 2>/dev/null" >"$out"
rm -rf "$root"
