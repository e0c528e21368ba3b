# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Drives that the host uses, most of them without a mounted file system. Each is refused with its use and with what ends it;
# after that, it is free.

# disk NUMBER: the disk of the drive with that serial number
disk() {
    local file
    file=$(grep -l "^d$1 *\$" /sys/class/block/nvme*/device/serial | head -n 1)
    file=${file#/sys/class/block/}
    echo "/dev/${file%%/*}"
}
drive() { echo "0000:0$1:00.0"; }

# shown_used ADDRESS KIND NAME: the inventory has it among the function's holders, and in its table
shown_used() {
    local found
    exits 0 buslane inventory --json || return
    found=$(jq -r --arg a "$1" '.functions[] | select(.address == $a) | .holders[] | "\(.kind) \(.name)"' <<<"$OUT")
    grep -qxF "$2 $3" <<<"$found" || why "the holders of $1 are '$found', without $2 $3" || return
    exits 0 buslane inventory --address "$1" && holds "$OUT" "$3"
}
# refused POOL ADDRESS PART…: a claim changes nothing, and its refusal has each part
refused() {
    local pool=$1 address=$2 before
    shift 2
    before=$(driver "$address")
    exits 1 buslane allocate "$pool" --for anyone && one_error || return
    holds "$ERR" "$address" "$@" || return
    same "$address's driver" "$(driver "$address")" "$before" && same "the claims" "$(buslane claims --quiet)" "$kept"
}
# given POOL ADDRESS: it can be claimed now, and its driver has it again after the release
given() {
    local pool=$1 address=$2 before
    before=$(driver "$address")
    udevadm settle
    exits 0 buslane allocate "$pool" --for anyone --quiet || return
    same "$address's driver" "$(driver "$address")" vfio-pci || return
    exits 0 buslane release "$OUT" && same "$address's driver after the release" "$(driver "$address")" "$before"
}
# has_open PID FILE
has_open() { find /proc/"$1"/fd -lname "$2" 2>/dev/null | grep -q .; }

free_drive() { given d6 "$(drive 6)"; }

array() {
    local member
    member=$(disk 1)
    mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 --metadata=1.2 "$member" missing || return
    udevadm settle
    shown_used "$(drive 1)" disk md0 && refused d1 "$(drive 1)" "md0 on top of its disk ${member#/dev/}" "fix: take down md0"
}
array_stopped() { mdadm --stop --quiet /dev/md0 && given d1 "$(drive 1)"; }

# The mount table names only one of the two.
file_system() {
    mkfs.btrfs --quiet --data raid1 --metadata raid1 "$(disk 2)" "$(disk 3)" && mount "$(disk 2)" /mnt || return
    udevadm settle
    shown_used "$(drive 2)" disk /mnt && shown_used "$(drive 3)" disk /mnt || return
    refused d2 "$(drive 2)" "mounted at /mnt" "umount /mnt" && refused d3 "$(drive 3)" "mounted at /mnt" "umount /mnt"
}
# Where only a container sees the mount, the kernel's list of the file system's devices is left.
file_system_elsewhere() {
    local id
    unshare --mount sleep 600 &
    copy=$!
    wait_for 60 has_own_mounts "$copy" && umount /mnt || return
    id=$(btrfs filesystem show "$(disk 2)" | sed -n 's/.*uuid: //p')
    shown_used "$(drive 3)" disk "btrfs $id" && refused d3 "$(drive 3)" "belongs to the host's file system btrfs $id"
}
has_own_mounts() { [ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; }
file_system_gone() {
    ended "$copy"
    wait_for 60 given d2 "$(drive 2)" && given d3 "$(drive 3)"
}
# ended PID: ends it, and waits until it is gone
ended() {
    kill "$1"
    wait "$1" 2>/dev/null || true
}

volume() {
    { pvcreate --quiet "$(disk 4)" && vgcreate --quiet vg0 "$(disk 4)" &&
        lvcreate --quiet --wipesignatures n --name win10 --extents 100%FREE vg0; } || return
    udevadm settle
    shown_used "$(drive 4)" disk vg0-win10 && refused d4 "$(drive 4)" vg0-win10 "fix: take down vg0-win10"
}
volume_gone() { vgchange --quiet --activate n vg0 && given d4 "$(drive 4)"; }

# An ext4 file system that only another mount name space sees: no table of the host names it.
exclusive() {
    local file
    file=$(disk 5)
    mkfs.ext4 -q "$file" || return
    unshare --mount sh -c "mount $file /mnt && exec sleep 600" &
    elsewhere=$!
    wait_for 60 grep -qsF "$file /mnt" "/proc/$elsewhere/mounts" || why "it is not mounted" || return
    udevadm settle
    refused d5 "$(drive 5)" "${file#/dev/} is in exclusive use"
}
exclusive_gone() {
    ended "$elsewhere"
    # The kernel ends the mounts of a name space in its own time.
    wait_for 60 given d5 "$(drive 5)"
}

opened() {
    local file
    file=$(disk 6)
    sleep 600 <"$file" &
    reader=$!
    wait_for 60 has_open "$reader" "$file" || return
    shown_used "$(drive 6)" process sleep && refused d6 "$(drive 6)" "sleep (pid $reader)" "has $file open"
}
opened_gone() {
    ended "$reader"
    given d6 "$(drive 6)"
}

only_the_free_one() {
    local id
    exits 0 buslane allocate drives --for anyone --quiet || return
    id=$OUT
    same "what is given" "$(buslane claims --json | jq -r --arg id "$id" '.claims[] | select(.id == $id) | .assignments[].address')" "$(drive 6)" || return
    exits 75 buslane allocate drives --for another && one_error || return
    exits 0 buslane release "$id"
}

system_disk() { shown_used "$SYSTEM" disk / && refused system "$SYSTEM" "mounted at /"; }

usb_opened() {
    local file
    file=$(printf '/dev/bus/usb/%03d/001' "$(cat "$PCI/$USB"/usb*/busnum | head -n 1)")
    sleep 600 <"$file" &
    usb_reader=$!
    wait_for 60 has_open "$usb_reader" "$file" || return
    shown_used "$USB" process sleep && refused usb "$USB" "sleep (pid $usb_reader)" "has $file open"
}
usb_gone() {
    ended "$usb_reader"
    given usb "$USB"
}

drive_checks() {
    kept=$(buslane claims --quiet)
    check "a drive that nobody uses is claimed and released" free_drive
    # Before anything is mounted here: another name space would get a copy of it.
    check "a drive that only another name space has mounted is refused" exclusive
    check "the member of an array that is mounted nowhere is shown as used, and refused with the way out" array
    check "each member of a mounted btrfs is shown as used, and refused with the mount point" file_system
    check "a volume that is mounted nowhere is shown, and refused with its name" volume
    check "of all drives, only the free one is given" only_the_free_one
    check "a drive that a process has open is refused, with the process" opened
    check "the disk of the system is refused" system_disk
    check "a member of a btrfs that only another name space has mounted is refused" file_system_elsewhere
    check "a USB controller of which a process has a device open is refused, with the process" usb_opened
    check "after mdadm --stop the drive is given" array_stopped
    check "after the last mount has gone both drives are given" file_system_gone
    check "after vgchange --activate n the drive is given" volume_gone
    check "after the mount elsewhere has gone the drive is given" exclusive_gone
    check "after the process has closed it the drive is given" opened_gone
    check "after the process has closed it the USB controller is given" usb_gone
}
