#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a host of many PCI functions below a folder, in sysfs's own layout: generate.py FOLDER FUNCTIONS

Root ports with a network card of up to 126 VFs each, every other VF on vfio-pci, and an NVMe controller on every fourth
port. The same number of functions gives the same tree.
"""
import os
import struct
import sys

VFS_A_CARD = 126
DRIVERS = ("pcieport", "i40e", "iavf", "vfio-pci", "nvme")


def write(path, content):
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode() + b"\n")


def link(path, target):
    os.symlink(os.path.relpath(target, os.path.dirname(path)), path)


def config_space(vendor, device, class_code, port_type, extended):
    """A header, PCI Express and MSI-X, then the extended capabilities given as (id, bytes)."""
    space = bytearray(4096)
    struct.pack_into("<HHHH", space, 0, vendor, device, 0x0506, 0x0010)
    space[8:12] = bytes((1, class_code & 0xFF, class_code >> 8 & 0xFF, class_code >> 16))
    space[14] = 1 if class_code >> 16 == 6 else 0
    space[0x34] = 0x40
    # Version 2, with a function-level reset; the link is 8 lanes of 16 GT/s, running at 8.
    struct.pack_into("<BBHI", space, 0x40, 0x10, 0x80, 0x0002 | port_type << 4, 1 << 28)
    struct.pack_into("<I", space, 0x4C, 0x84)
    struct.pack_into("<H", space, 0x52, 0x83)
    struct.pack_into("<I", space, 0x6C, 0x1E)
    struct.pack_into("<BBH", space, 0x80, 0x11, 0x00, 63)
    at = 0x100
    for number, (identity, body) in enumerate(extended):
        following = at + 0x40 if number + 1 < len(extended) else 0
        struct.pack_into("<I", space, at, identity | 1 << 16 | following << 20)
        space[at + 4 : at + 4 + len(body)] = body
        at += 0x40
    return bytes(space)


class Host:
    def __init__(self, root):
        self.root = root
        self.sys = root + "/sys"
        self.groups = 0
        # Beyond those of any machine that this is made on.
        self.interfaces = 100000
        self.vfio_devices = 0
        for folder in ("bus/pci/devices", "kernel/iommu_groups", "class/iommu", "class/net", "module/vfio"):
            os.makedirs(f"{self.sys}/{folder}")
        for driver in DRIVERS:
            os.makedirs(f"{self.sys}/bus/pci/drivers/{driver}")
        # No guest runs.
        write(f"{self.sys}/module/vfio/refcnt", "0")
        os.makedirs(f"{self.sys}/devices/virtual/iommu/dmar0")
        link(f"{self.sys}/class/iommu/dmar0", f"{self.sys}/devices/virtual/iommu/dmar0")
        for node in (0, 1):
            folder = f"{self.sys}/devices/system/node/node{node}"
            pages = folder + "/hugepages/hugepages-2048kB"
            os.makedirs(pages)
            write(folder + "/cpulist", f"{32 * node}-{32 * node + 31}")
            write(folder + "/distance", "10 21" if node == 0 else "21 10")
            write(folder + "/meminfo", f"Node {node} MemTotal: 131072 kB\nNode {node} MemFree: 65536 kB")
            write(pages + "/nr_hugepages", "512")
            write(pages + "/free_hugepages", "512")
        kernel = root + "/proc/sys/kernel"
        os.makedirs(kernel + "/random")
        write(kernel + "/hostname", "bench")
        write(kernel + "/osrelease", "6.1.0")
        write(kernel + "/random/boot_id", "00000000-0000-4000-8000-000000000000")
        modules = root + "/lib/modules/6.1.0"
        os.makedirs(modules)
        lines = [f"alias pci:v0000{n % 65536:04X}d0000{n * 7 % 65536:04X}sv*sd*bc*sc*i* module{n % 900}" for n in range(15000)]
        lines.append("alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci")
        write(modules + "/modules.alias", "\n".join(lines))

    def function(self, folder, address, vendor, device, class_code, driver, port_type, extended, more):
        os.makedirs(folder)
        link(f"{self.sys}/bus/pci/devices/{address}", folder)
        link(folder + "/subsystem", f"{self.sys}/bus/pci")
        node = self.groups % 2
        files = {
            "vendor": f"0x{vendor:04x}", "device": f"0x{device:04x}", "subsystem_vendor": f"0x{vendor:04x}",
            "subsystem_device": "0x0002", "class": f"0x{class_code:06x}", "revision": "0x01", "irq": "16",
            "enable": "1", "msi_bus": "1", "broken_parity_status": "0", "ari_enabled": "1", "d3cold_allowed": "1",
            "dma_mask_bits": "64", "consistent_dma_mask_bits": "64", "power_state": "D0",
            "numa_node": str(node), "local_cpulist": f"{32 * node}-{32 * node + 31}",
            "local_cpus": "ffffffff,00000000" if node else "00000000,ffffffff", "driver_override": "(null)",
            "reset_method": "flr bus", "reset": "", "max_link_speed": "16.0 GT/s PCIe", "max_link_width": "8",
            "current_link_speed": "8.0 GT/s PCIe", "current_link_width": "8",
            "modalias": f"pci:v0000{vendor:04X}d0000{device:04X}sv0000{vendor:04X}sd00000002bc02sc00i00",
            "resource": "\n".join("0x%016x 0x%016x 0x%016x" % (n, n, n) for n in range(13)),
            "uevent": f"DRIVER={driver}\nPCI_CLASS={class_code:X}\nPCI_ID={vendor:04X}:{device:04X}\n"
            f"PCI_SUBSYS_ID={vendor:04X}:0002\nPCI_SLOT_NAME={address}\nMODALIAS=pci:v0000{vendor:04X}",
        }
        for name, text in {**files, **more}.items():
            write(f"{folder}/{name}", text)
        write(folder + "/config", config_space(vendor, device, class_code, port_type, extended))
        link(folder + "/driver", f"{self.sys}/bus/pci/drivers/{driver}")
        link(f"{self.sys}/bus/pci/drivers/{driver}/{address}", folder)
        group = f"{self.sys}/kernel/iommu_groups/{self.groups}"
        self.groups += 1
        os.makedirs(group + "/devices")
        write(group + "/type", "DMA-FQ")
        link(f"{group}/devices/{address}", folder)
        link(folder + "/iommu_group", group)
        if driver in ("i40e", "iavf"):
            self.interfaces += 1
            net = f"{folder}/net/eth{self.interfaces}"
            os.makedirs(net)
            link(f"{self.sys}/class/net/eth{self.interfaces}", net)
            link(net + "/subsystem", f"{self.sys}/class/net")
            link(net + "/device", folder)
            number = self.interfaces
            for name, text in (
                ("uevent", f"INTERFACE=eth{number}\nIFINDEX={number}"), ("ifindex", str(number)), ("operstate", "up"), ("flags", "0x1003"), ("mtu", "1500"),
                ("speed", "25000"), ("address", f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"),
            ):
                write(f"{net}/{name}", text)
        if driver == "vfio-pci":
            os.makedirs(f"{folder}/vfio-dev/vfio{self.vfio_devices}")
            self.vfio_devices += 1

    def root_port(self, domain, bus):
        """Its folder, in which what is below it has its own."""
        acs = (0x0D, struct.pack("<HH", 0x1D, 0x1D))
        below = f"{self.sys}/devices/pci{domain:04x}:{bus:02x}/{domain:04x}:{bus:02x}:00.0"
        self.function(below, os.path.basename(below), 0x8086, 0x2030, 0x060400, "pcieport", 4, [acs], {})
        return below

    def fill(self, count):
        port = 0
        while count > 0:
            domain, bus = divmod(port * 2, 250)
            below = self.root_port(domain, bus)
            count -= 1
            port += 1
            if port % 4 == 0 and count > 0:
                disk = f"{domain:04x}:{bus + 1:02x}:00.0"
                self.function(f"{below}/{disk}", disk, 0x144D, 0xA824, 0x010802, "nvme", 0, [], {})
                count -= 1
            elif count > 0:
                count -= self.card(below, f"{domain:04x}:{bus + 1:02x}", min(VFS_A_CARD, count - 1))

    def card(self, below, bus, vfs):
        address = f"{bus}:00.0"
        home = f"{below}/{address}"
        ari, sriov = (0x0E, b"\0" * 4), (0x10, b"\0" * 60)
        self.function(
            home, address, 0x8086, 0x158B, 0x020000, "i40e", 0, [ari, sriov],
            {
                "sriov_totalvfs": "128", "sriov_numvfs": str(vfs), "sriov_offset": "16", "sriov_stride": "1",
                "sriov_vf_device": "154c", "sriov_drivers_autoprobe": "0",
            },
        )
        for index in range(vfs):
            name = f"{bus}:{16 + index >> 3:02x}.{index & 7}"
            driver = "vfio-pci" if index % 2 else "iavf"
            self.function(f"{below}/{name}", name, 0x8086, 0x154C, 0x020000, driver, 0, [ari], {})
            link(f"{below}/{name}/physfn", home)
            link(f"{home}/virtfn{index}", f"{below}/{name}")
        return vfs + 1


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("error: it wants a folder and a number\n  fix: generate.py FOLDER FUNCTIONS")
    Host(sys.argv[1]).fill(int(sys.argv[2]))
