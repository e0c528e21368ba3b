# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The image of the emulated host: Debian 13 with systemd, libvirt and QEMU.
#
# It lies in the user's cache folder, named after the hash of its recipe (this
# file, image-configure.sh, image-kernel.sh, guest-packages, initramfs.sh), and holds
#   disk.img, kernel, initrd   what the emulated host boots
#   host/                      the QEMU that runs it, out of the same Debian 13,
#                              so that the user's own packages stay as they are
# Only building it needs root (mmdebstrap and mke2fs keep the files' owners).

image_suite=trixie
image_size=3G

image_recipe_hash() {
    cat "$lab_root"/lib/image*.sh "$lab_root/lib/guest-packages" "$lab_root/lib/initramfs.sh" |
        sha256sum | cut -c1-16
}

# Prints the image's folder; builds it first where it is missing.
image_ensure() {
    local dir
    dir="$lab_cache/$(image_recipe_hash)"
    if [ ! -d "$dir" ]; then
        mkdir -p "$lab_cache"
        # The lock is held by file descriptor 9, so it goes when this process goes.
        exec 9>"$lab_cache/build.lock"
        if ! flock --nonblock 9; then
            say "another build of the image is under way: waiting for it"
            flock 9
        fi
        [ -d "$dir" ] || image_build "$dir"
        exec 9>&-
    fi
    printf '%s\n' "$dir"
}

# The mirror that the user's own apt names for Debian, else Debian's ordinary one.
image_mirror() {
    local uri=""
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1) || uri=""
    case "$uri" in
    http://* | https://*) printf '%s\n' "${uri%/}" ;;
    *) printf 'http://deb.debian.org/debian\n' ;;
    esac
}

image_build() {
    local final=$1 work log started=$SECONDS packages
    need mmdebstrap
    need mke2fs
    [ "$(uname -m)" = x86_64 ] || fail "the emulated host is an x86-64 machine, this one is $(uname -m)"
    say "building the image of the emulated host: Debian $image_suite, some hundred MB to download, a few minutes"
    if [ "$(id -u)" -ne 0 ]; then
        need sudo
        say "building it needs root, so sudo may ask for your password now; running it does not"
    fi
    # We hold the lock, so whatever a killed build left is nobody's.
    as_root rm -rf --one-file-system "$lab_cache"/building.*
    work=$(mktemp -d "$lab_cache/building.XXXXXX")
    chmod 755 "$work"
    log="$lab_cache/build.log"
    # shellcheck disable=SC2064 # the folder is meant now, not later
    trap "as_root rm -rf --one-file-system '$work'" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    packages=$(paste -sd, "$lab_root/lib/guest-packages")
    {
        as_root mmdebstrap --mode=root --variant=minbase --include="$packages" \
            --aptopt='Acquire::Retries "5"' --aptopt='Acquire::Languages "none"' \
            $(image_apt_proxy) \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
            --dpkgopt='path-exclude=/usr/lib/modules/*/kernel/drivers/gpu/*' \
            --dpkgopt='path-exclude=/usr/lib/modules/*/kernel/drivers/media/*' \
            --dpkgopt='path-exclude=/usr/lib/modules/*/kernel/drivers/net/wireless/*' \
            --dpkgopt='path-exclude=/usr/lib/modules/*/kernel/sound/*' \
            "$image_suite" "$work/tree" "deb $(image_mirror) $image_suite main"
        as_root bash "$lab_root/lib/image-configure.sh" "$work/tree"
        as_root bash "$lab_root/lib/initramfs.sh" "$work/tree" "$work/initrd"
        as_root bash "$lab_root/lib/image-kernel.sh" "$work/tree"
        as_root sh -c 'cp "$1"/tree/boot/vmlinuz-* "$1/kernel"' sh "$work"
        image_take_qemu "$work/tree" "$work/host"
        as_root mke2fs -q -t ext4 -O '^has_journal' -m 0 -L labroot -d "$work/tree" "$work/disk.img" "$image_size"
        as_root rm -rf --one-file-system "$work/tree"
        as_root chown -R "$(id -u):$(id -g)" "$work"
    } >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "the image could not be built" "read $log; can this machine reach $(image_mirror)?"
    }
    mv -T "$work" "$final"
    trap - EXIT INT TERM HUP
    say "image built in $((SECONDS - started)) s, kept in $final"
}

# A proxy that the user set for apt holds for mmdebstrap's apt as well.
image_apt_proxy() {
    local proxy=""
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || printf -- '--aptopt=Acquire::http::Proxy"%s";' "$proxy"
}

# QEMU with its libraries, modules and firmware, to run without a chroot.
image_take_qemu() {
    local tree=$1 host=$2 part
    for part in usr/bin/qemu-system-x86_64 usr/bin/qemu-img usr/lib/x86_64-linux-gnu \
        usr/lib/ipxe usr/share/qemu usr/share/seabios; do
        as_root mkdir -p "$host/$(dirname "$part")"
        as_root cp -a "$tree/$part" "$host/$part"
    done
}
