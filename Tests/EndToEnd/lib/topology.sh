# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The emulated host's devices, as they are seen inside:
#
#   address         what                      driver  node  IOMMU group
#   0000:00:1f.0,2,3 ICH9 (LPC, SATA, SMBus)  various -     one for the three
#   0000:01:00.0    e1000e, a plain card      e1000e  -     its own
#   0000:02:00.0    PCIe-to-PCI bridge        -       -     \
#   0000:03:01.0    e1000                     e1000   -      > one for the three
#   0000:03:02.0    e1000                     e1000   -     /
#   0000:04:00.0,1  e1000e, a card of two functions e1000e -  one for the two
#   0000:41:00.0    82576 (igb), 7 VFs        igb     0     its own
#   0000:41:10.0,2,4,6, 11.0,2,4  its VFs             0     one each
#   0000:81:00.0    82576 (igb), 7 VFs        igb     1     its own
#   0000:81:10.0,2,4,6, 11.0,2,4  its VFs             1     one each
#   0000:82:00.0    NVMe controller, 4 VFs    nvme    1     its own
#   0000:82:00.1 to .4            its VFs             1     one each
#
# A scenario with the line `# lab: topology four-cards` has two cards more:
#
#   0000:42:00.0    82576 (igb), 7 VFs        igb     0     its own
#   0000:42:10.0,2,4,6, 11.0,2,4  its VFs             0     one each
#   0000:83:00.0    82576 (igb), 7 VFs        igb     1     its own
#   0000:83:10.0,2,4,6, 11.0,2,4  its VFs             1     one each
#
# Machines of one node, whose firmware says nothing of nodes, have other devices; all of them are on pcie.0, each with a
# group of its own:
#
#   drives          0000:01:00.0 to 06:00.0 NVMe controllers with one namespace each, serial numbers d1 to d6
#                   0000:07:00.0    82576 (igb), 7 VFs
#                   0000:08:00.0    xHCI, a USB controller with a tablet
#                   0000:09:00.0    e1000e, the device `plain` behind the port rp9
#   two-cards       0000:01:00.0    82576, MAC address …:01
#                   0000:02:00.0    82576, MAC address …:02
#   two-cards-moved 0000:01:00.0    e1000e, behind a port that comes first
#                   0000:02:00.0    82576, MAC address …:01, behind the port where it was
#                   0000:03:00.0    82576, MAC address …:02, likewise
#   two-cards-other as two-cards-moved, but the first 82576 is another one, with MAC address …:0a
#   virtio-cards    0000:01:00.0    virtio-net, 3 VFs; its PF enforces nothing. Needs `# lab: qemu backports`
#                   0000:02:00.0    82576 (igb), 7 VFs
#
# A scenario that names several boots once with each, in turn, with the same disk; LAB_BOOT counts them.
#
# Group numbers depend on the other devices (a stage adds one): scenarios read
# them, and know only addresses. Devices on pcie.0 have no node.

# Fills the array `topology` with QEMU's arguments. $1: where the wires' captures go; $2: empty, or a name from above.
topology_arguments() {
    local out=$1
    topology=()
    case "$2" in
    "" | four-cards)
        topology_machine
        topology_buses
        topology_cards "$out"
        topology_disks
        topology_plain_cards
        [ -z "$2" ] || topology_more_cards
        return
        ;;
    esac
    topology_small_machine
    case "$2" in
    drives) topology_drives "$out" ;;
    two-cards) topology_two_cards 01 ;;
    two-cards-moved)
        topology_card_before
        topology_two_cards 01
        ;;
    two-cards-other)
        topology_card_before
        topology_two_cards 0a
        ;;
    virtio-cards) topology_virtio_cards ;;
    *) fail "no topology $2" "$lab_root/lib/topology.sh lists them; without the line '# lab: topology' it is the ordinary one" ;;
    esac
}

# Memory, processors, NUMA nodes, IOMMU
topology_machine() {
    topology+=(
        -m 2560 # under 2.75 GiB, else the VFs' BARs land above 4 GiB and QEMU 10.0 loses them
        -smp 2,sockets=2,cores=1
        -object memory-backend-ram,id=m0,size=1280M
        -object memory-backend-ram,id=m1,size=1280M
        -numa node,nodeid=0,cpus=0,memdev=m0
        -numa node,nodeid=1,cpus=1,memdev=m1
        -numa dist,src=0,dst=1,val=21
        -device intel-iommu,intremap=on,device-iotlb=on,caching-mode=on
    )
}

# Buses: one below each node, and the ports of no node
topology_buses() {
    topology+=(
        -device pxb-pcie,id=pxb0,bus_nr=64,bus=pcie.0,numa_node=0
        -device pxb-pcie,id=pxb1,bus_nr=128,bus=pcie.0,numa_node=1
        -device pcie-root-port,id=rp0,bus=pxb0,chassis=1,slot=1
        -device pcie-root-port,id=rp1,bus=pxb1,chassis=2,slot=2
        -device pcie-root-port,id=rp2,bus=pxb1,chassis=3,slot=3
        -device pcie-root-port,id=rp3,bus=pcie.0,chassis=4,slot=4,addr=0x10
        -device pcie-root-port,id=rp4,bus=pcie.0,chassis=5,slot=5,addr=0x11
        -device pcie-root-port,id=rp7,bus=pcie.0,chassis=8,slot=8,addr=0x12
    )
}

# Intel 82576 on node 0 and on node 1
topology_cards() {
    local out=$1
    topology+=(
        -netdev user,id=n0,restrict=on
        -device igb,id=pf0,bus=rp0,netdev=n0,mac=52:54:00:aa:00:01
        -object "filter-dump,id=wire0,netdev=n0,file=$out/wire-node0.pcap"
        -netdev user,id=n1,restrict=on
        -device igb,id=pf1,bus=rp1,netdev=n1,mac=52:54:00:aa:00:02
        -object "filter-dump,id=wire1,netdev=n1,file=$out/wire-node1.pcap"
    )
}

# NVMe controller with VFs on node 1
topology_disks() {
    topology+=(
        -device nvme-subsys,id=ss0
        -device "nvme,serial=s1,subsys=ss0,bus=rp2,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=26,msix_qsize=16"
    )
}

# A plain card, for whole-function passthrough
topology_plain_cards() {
    topology+=(
        -netdev user,id=n2,restrict=on
        -device e1000e,bus=rp3,netdev=n2,mac=52:54:00:aa:00:03

        # Two old cards behind one bridge: one IOMMU group, never viable for only one of them
        -device pcie-pci-bridge,id=br0,bus=rp4
        -netdev user,id=n3,restrict=on
        -device e1000,bus=br0,addr=1,netdev=n3,mac=52:54:00:aa:00:04
        -netdev user,id=n4,restrict=on
        -device e1000,bus=br0,addr=2,netdev=n4,mac=52:54:00:aa:00:05

        # Two functions of one card, not isolated from each other: a claim of one gets both
        -netdev user,id=n7,restrict=on
        -device e1000e,bus=rp7,addr=0.0,multifunction=on,netdev=n7,mac=52:54:00:aa:00:08
        -netdev user,id=n8,restrict=on
        -device e1000e,bus=rp7,addr=0.1,netdev=n8,mac=52:54:00:aa:00:09
    )
}

# One more on each node. No scenario reads what they send
topology_more_cards() {
    topology+=(
        -device pcie-root-port,id=rp5,bus=pxb0,chassis=6,slot=6
        -device pcie-root-port,id=rp6,bus=pxb1,chassis=7,slot=7
        -netdev user,id=n5,restrict=on
        -device igb,id=pf2,bus=rp5,netdev=n5,mac=52:54:00:aa:00:06
        -netdev user,id=n6,restrict=on
        -device igb,id=pf3,bus=rp6,netdev=n6,mac=52:54:00:aa:00:07
    )
}

# ---- machines of one node

# Without -numa the firmware has no table of nodes: every function has node -1.
topology_small_machine() {
    topology+=(-m 2048 -smp 2 -device intel-iommu,intremap=on,device-iotlb=on,caching-mode=on)
}

# topology_port ID PLACE: a root port at that device number of pcie.0
topology_port() { topology+=(-device "pcie-root-port,id=$1,bus=pcie.0,addr=$2,chassis=$(($2)),slot=$(($2))"); }

# topology_igb ID PORT MAC
topology_igb() { topology+=(-netdev "user,id=net-$1,restrict=on" -device "igb,id=$1,bus=$2,netdev=net-$1,mac=$3"); }

topology_drives() {
    local number file
    for number in 1 2 3 4 5 6; do
        file=$1/drive-$number.raw
        truncate -s 256M "$file"
        topology_port "d$number" "0x1$((number - 1))"
        topology+=(
            -drive "file=$file,format=raw,if=none,id=drive$number,snapshot=on"
            -device "nvme,serial=d$number,bus=d$number,drive=drive$number"
        )
    done
    topology_port rp7 0x16
    topology_igb pf0 rp7 52:54:00:aa:00:01
    topology_port rp8 0x17
    topology+=(-device qemu-xhci,id=usb,bus=rp8 -device usb-tablet,bus=usb.0)
    topology_port rp9 0x18
    topology+=(-netdev user,id=net-plain,restrict=on -device e1000e,id=plain,bus=rp9,netdev=net-plain,mac=52:54:00:aa:00:09)
}

# topology_two_cards OCTET: the last octet of the first one's MAC address
topology_two_cards() {
    topology_port rp1 0x10
    topology_igb pf0 rp1 "52:54:00:aa:00:$1"
    topology_port rp2 0x11
    topology_igb pf1 rp2 52:54:00:aa:00:02
}

topology_card_before() {
    topology_port rp0 0xf
    topology+=(-netdev user,id=net-before,restrict=on -device e1000e,bus=rp0,netdev=net-before,mac=52:54:00:aa:00:03)
}

# Each VF is a device of its own, named before its PF.
topology_virtio_cards() {
    local index
    topology_port rp1 0x10
    for index in 1 2 3; do
        topology+=(
            -netdev "user,id=net-vf$index,restrict=on"
            -device "virtio-net-pci,bus=rp1,addr=0.$index,sriov-pf=vpf,netdev=net-vf$index,mac=52:54:00:aa:01:0$index"
        )
    done
    topology+=(-netdev user,id=net-vpf,restrict=on -device virtio-net-pci,id=vpf,bus=rp1,addr=0.0,netdev=net-vpf,mac=52:54:00:aa:01:00)
    topology_port rp2 0x11
    topology_igb pf0 rp2 52:54:00:aa:00:01
}
