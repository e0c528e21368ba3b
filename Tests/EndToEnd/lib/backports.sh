# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# QEMU out of Debian's backports, which has SR-IOV on virtio-net: a second kind of card with VFs.
#
# Its folder in the cache is named after the hash of this file. It holds what the folder `host` of an image holds.

backports_suite="$image_suite-backports"

# Prints the folder; builds it first where it is missing.
backports_ensure() {
    local dir
    dir="$lab_cache/qemu-$(sha256sum <"$lab_root/lib/backports.sh" | cut -c1-16)"
    if [ ! -d "$dir" ]; then
        exec 9>"$lab_cache/build.lock"
        flock 9
        [ -d "$dir" ] || (backports_build "$dir") || exit
        exec 9>&-
    fi
    printf '%s\n' "$dir"
}

# Only unpacks the packages: nothing of them runs before QEMU does.
backports_build() {
    local final=$1 work log="$lab_cache/backports.log" started=$SECONDS mirror
    need mmdebstrap
    mirror=$(image_mirror)
    say "fetching QEMU from Debian's $backports_suite, about a hundred MB"
    as_root rm -rf --one-file-system "$lab_cache"/fetching.*
    work=$(mktemp -d "$lab_cache/fetching.XXXXXX")
    chmod 755 "$work"
    # shellcheck disable=SC2064 # the folder is meant now, not later
    trap "as_root rm -rf --one-file-system '$work'" EXIT
    {
        as_root mmdebstrap --mode=root --variant=extract \
            --include=qemu-system-x86,qemu-utils,ipxe,ipxe-qemu,seabios \
            --aptopt='Acquire::Retries "5"' --aptopt='Acquire::Languages "none"' \
            --aptopt="APT::Default-Release \"$backports_suite\"" \
            $(image_apt_proxy) \
            "$image_suite" "$work/tree" "deb $mirror $image_suite main" "deb $mirror $backports_suite main"
        image_take_qemu "$work/tree" "$work/host"
        as_root chown -R "$(id -u):$(id -g)" "$work/host"
        mv -T "$work/host" "$final"
    } >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "QEMU could not be had from $backports_suite" "read $log; can this machine reach $mirror?"
    }
    say "QEMU of $backports_suite fetched in $((SECONDS - started)) s, kept in $final"
}
