# SPDX-License-Identifier: GPL-3.0-or-later
"""The synthetic host, its configuration and its domains."""
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "Benchmarks"))
import generate  # noqa: E402

CARDS, VFS = 3, 16
# A pool a card; `shared` has the functions of `data` as well, for alice alone.
POOLS = """physicalFunctions: []
pools:
  - name: data
    select: { physicalFunctions: ["0000:01:00.0"], kinds: [virtual-function] }
  - name: shared
    select: { physicalFunctions: ["0000:01:00.0"], kinds: [virtual-function] }
    allow: { users: [alice] }
  - name: other
    select: { physicalFunctions: ["0000:03:00.0"], kinds: [virtual-function] }
  - name: few
    select: { physicalFunctions: ["0000:05:00.0"], kinds: [virtual-function] }
    maxClaims: 2
"""
WHOLE_HOST = """physicalFunctions: []
pools:
  - name: data
    select: { kinds: [virtual-function], drivers: [vfio-pci] }
"""
NAMESPACE = "urn:buslane:request:1"
# Domains that libvirt knows.
VICTIM, FIREWALL, ROUTER = (f"6f9619ff-8b86-4011-b42d-00c04fc9640{number}" for number in (1, 2, 3))
NAMES = {VICTIM: "victim", FIREWALL: "firewall", ROUTER: "router"}


def vf(card, index):
    """A VF's address; the cards are 0, 1 and 2."""
    return f"0000:{2 * card + 1:02x}:{16 + index >> 3:02x}.{index & 7}"


def pf(card):
    return f"0000:{2 * card + 1:02x}:00.0"


class Small(generate.Host):
    """Cards whose VFs are all on vfio-pci, in turn on nodes 0 and 1."""

    def fill(self):
        for number in range(CARDS):
            below = self.root_port(0, 2 * number)
            self.card(below, f"0000:{2 * number + 1:02x}", VFS)
        # A process of root's, as proc_pid_stat(5) has it.
        process = f"{self.root}/proc/1"
        generate.os.makedirs(process)
        generate.write(process + "/stat", "1 (init) S 0 1 1 0 -1 4194560" + " 0" * 12 + " 1 0 7" + " 0" * 30)
        generate.write(process + "/status", "Name:\tinit\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0")

    def function(self, folder, address, vendor, device, class_code, driver, *rest):
        super().function(folder, address, vendor, device, class_code, "vfio-pci" if driver == "iavf" else driver, *rest)


def libvirt_node(path):
    """A file that libvirt's test driver makes a host of."""
    domains = "".join(
        f"<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory>1048576</memory><os><type>hvm</type></os></domain>"
        for uuid, name in NAMES.items())
    path.write_text(f"<node>{domains}</node>")


def device(name="data0", pool="data", **more):
    return f"<b:device name='{name}' pool='{pool}'{attributes(more)}/>"


def attributes(values):
    return "".join(f" {key}='{value}'" for key, value in values.items())


def domain(uuid=VICTIM, *devices, binding="running", name=None, inside="", besides="<vcpu>2</vcpu>", **request):
    """A domain with a request for devices.

    - inside: what stands in <devices>; besides: what stands beside it.
    """
    asked = f"<metadata><b:request xmlns:b='{NAMESPACE}' binding='{binding}'{attributes(request)}>{''.join(devices)}</b:request></metadata>"
    return (
        f"<domain type='kvm'><name>{name or NAMES.get(uuid, 'unknown')}</name><uuid>{uuid}</uuid>{asked if devices else ''}"
        f"<memory unit='MiB'>1024</memory>{besides}<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<devices>{inside}</devices></domain>")


def source(address, form="0x{:x}"):
    """<address> of a PCI function, its numbers in a form of one's own."""
    parts = [int(part, 16) for part in address.replace(".", ":").split(":")]
    return "<address type='pci' domain='{}' bus='{}' slot='{}' function='{}'/>".format(*map(form.format, parts))


def hostdev(address, form="0x{:x}", managed="yes"):
    return f"<hostdev mode='subsystem' type='pci' managed='{managed}'><source>{source(address, form)}</source></hostdev>"


def interface(address):
    return f"<interface type='hostdev' managed='yes'><source>{source(address)}</source></interface>"
