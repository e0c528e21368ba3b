# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The QEMU that runs the emulated host: the image's own. A scenario with the line
# `# lab: qemu backports` runs on a newer one, which the cache folder keeps beside the images.

# qemu_ensure IMAGE NAME: prints the folder of that QEMU; builds it first where it is missing.
qemu_ensure() {
    case "$2" in
    "") printf '%s\n' "$1/host" ;;
    backports) backports_ensure ;;
    *) fail "no QEMU $2" "leave the line '# lab: qemu' out, or make it backports" ;;
    esac
}

# qemu_program FOLDER PROGRAM ARGUMENTS…: becomes a program out of that folder, with the libraries beside it.
qemu_program() {
    local host=$1 program=$2
    shift 2
    export QEMU_MODULE_DIR="$host/usr/lib/x86_64-linux-gnu/qemu"
    # The end of this process, however it comes, is the program's end too.
    exec setpriv --pdeathsig KILL \
        "$host/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" \
        --library-path "$host/usr/lib/x86_64-linux-gnu:$host/usr/lib/x86_64-linux-gnu/pulseaudio" \
        "$host/usr/bin/$program" "$@"
}

# qemu_exec FOLDER ARGUMENTS…: becomes that QEMU.
qemu_exec() {
    local host=$1
    shift
    qemu_program "$host" qemu-system-x86_64 -L "$host/usr/share/qemu" -L "$host/usr/share/seabios" \
        -L "$host/usr/lib/ipxe/qemu" "$@"
}
