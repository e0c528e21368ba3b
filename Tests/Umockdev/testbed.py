# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in umockdev's testbed, and a daemon on it: the daemon reads the testbed's /sys, and gets the testbed's events
through the real libudev."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Benchmarks"))
from generate import Host, link  # noqa: E402

DEADLINE = 20


class Testbed:
    """Two root ports, each with a PF of 4 VFs below it."""

    def __init__(self):
        self.bed = UMockdev.Testbed.new()
        self.root = self.bed.get_root_dir()
        self.host = Host(self.root)
        # umockdev leaks a socket for each open in /dev that fails.
        os.makedirs(self.root + "/dev/vfio", exist_ok=True)
        self.cards = []
        for bus in (0, 2):
            below = self.host.root_port(0, bus)
            self.host.card(below, f"0000:{bus + 1:02x}", 4)
            self.cards.append(f"0000:{bus + 1:02x}:00.0")

    def folder(self, address):
        return os.path.realpath(f"{self.root}/sys/bus/pci/devices/{address}")

    def vf(self, card, index):
        return os.path.basename(os.readlink(f"{self.folder(card)}/virtfn{index}"))

    def interface(self, address):
        """The folder of the function's network interface."""
        net = self.folder(address) + "/net"
        return f"{net}/{os.listdir(net)[0]}"

    def write(self, address, name, text):
        with open(f"{self.folder(address)}/{name}", "w") as file:
            file.write(text + "\n")

    def event(self, folder, action):
        self.bed.uevent(folder.removeprefix(self.root), action)

    def drive(self, address, driver):
        """Binds the function to a driver, or unbinds it when that is None, and sends the kernel's events."""
        folder = self.folder(address)
        if os.path.lexists(folder + "/driver"):
            os.remove(folder + "/driver")
        with open(folder + "/uevent") as file:
            lines = [line for line in file.read().splitlines() if not line.startswith("DRIVER=")]
        if driver:
            link(folder + "/driver", f"{self.root}/sys/bus/pci/drivers/{driver}")
            lines.insert(0, f"DRIVER={driver}")
        self.write(address, "uevent", "\n".join(lines))
        self.event(folder, "bind" if driver else "unbind")


class Daemon:
    """The daemon on the testbed; it ends with the `with` block."""

    def __init__(self, built, bed):
        self.built, self.bed = built, bed
        self.place = tempfile.TemporaryDirectory()
        self.socket = f"{self.place.name}/socket"
        self.process = subprocess.Popen(
            [f"{built}/buslaned", "--configuration-directory", self.place.name, "--socket", self.socket,
             "--ledger", f"{self.place.name}/ledger.sqlite", "--log-level", "error", "--first-start"])
        until(lambda: os.path.exists(self.socket), "the daemon to serve")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(DEADLINE)
        self.place.cleanup()

    def inventory(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(self.socket)
            connection.sendall(b"GET /v1/inventory HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def functions(self):
        return {function["address"]: function for function in self.inventory()["functions"]}

    def virtual_functions(self, card):
        """The addresses of a PF's VFs."""
        return [address for address, function in self.functions().items()
                if (function["virtualFunction"] or {}).get("physicalFunction") == card]

    def asleep(self, act):
        """Runs an action while the daemon is stopped, so that it only reads the result."""
        self.process.send_signal(signal.SIGSTOP)
        act()
        self.process.send_signal(signal.SIGCONT)

    def expect_fresh(self):
        """Checks the daemon's functions and groups against a reading of the whole host."""
        fresh = json.loads(subprocess.check_output(
            [f"{self.built}/buslane", "inventory", "--json", "--host-root", self.bed.root]))
        until(lambda: difference(self.inventory(), fresh) is None, lambda: difference(self.inventory(), fresh))


def difference(one, other):
    """The first difference as text; None without one. IP addresses are left out: sysfs does not have them."""
    def facts(inventory):
        for function in inventory["functions"]:
            for interface in function["interfaces"]:
                interface["addresses"] = None
        return {item["address"]: item for item in inventory["functions"]} | {
            f"group {item['id']}": item for item in inventory["iommuGroups"]}
    one, other = facts(one), facts(other)
    for key in sorted(one.keys() | other.keys()):
        mine, theirs = one.get(key), other.get(key)
        if mine is None or theirs is None:
            return f"{key} is {'there' if mine else 'not there'}, and should {'not ' if mine else ''}be"
        for field in mine:
            if mine[field] != theirs[field]:
                return f"{key}: {field} is {mine[field]}, and should be {theirs[field]}"
    return None


def until(holds, what):
    """Waits until a condition holds, up to a deadline."""
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {DEADLINE} s: {what() if callable(what) else what}")
        time.sleep(0.02)
