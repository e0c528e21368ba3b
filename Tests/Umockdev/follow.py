#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's inventory follows udev's events: umockdev-wrapper follow.py BUILT

Prints `ok NAME` or `not ok NAME: why` for each test.
"""
import json
import os
import shutil
import subprocess
import sys

from testbed import Daemon, Testbed, until


def from_memory(bed, daemon):
    """the inventory comes from memory: a change without an event is not read, and an event only reads its own function"""
    one, other = bed.vf(bed.cards[0], 0), bed.vf(bed.cards[1], 0)
    for address in (one, other):
        bed.write(address, "driver_override", "nobody")
    shown = daemon.functions()
    assert shown[one]["driverOverride"] is None and shown[other]["driverOverride"] is None, "the host was read"
    bed.event(bed.folder(one), "change")
    until(lambda: daemon.functions()[one]["driverOverride"] == "nobody", "the function to be read again")
    assert daemon.functions()[other]["driverOverride"] is None, "another function was read too"
    bed.event(bed.folder(other), "change")
    daemon.expect_fresh()


def drivers(bed, daemon):
    """a driver is bound and unbound"""
    vf = bed.vf(bed.cards[0], 0)
    for driver in (None, "vfio-pci", None, "iavf"):
        bed.drive(vf, driver)
        until(lambda: daemon.functions()[vf]["driver"] == driver, f"driver {driver}")
    daemon.expect_fresh()


def take_vfs(bed, card, before_the_count=lambda: None):
    """Removes VFs as the kernel does: each VF with its event, then the count without one."""
    folder = bed.folder(card)
    for index in range(4):
        vf = bed.vf(card, index)
        home = bed.folder(vf)
        bed.event(home, "remove")
        group = os.path.realpath(home + "/iommu_group")
        os.remove(f"{folder}/virtfn{index}")
        os.remove(f"{bed.root}/sys/bus/pci/devices/{vf}")
        os.remove(f"{group}/devices/{vf}")
        shutil.rmtree(group)
        shutil.rmtree(home)
    before_the_count()
    bed.write(card, "sriov_numvfs", "0")


def vfs(bed, daemon):
    """VFs are removed and created again"""
    card = bed.cards[0]
    saved = bed.root + ".saved"
    shutil.copytree(bed.root + "/sys", saved, symlinks=True)
    daemon.asleep(lambda: take_vfs(bed, card))
    until(lambda: daemon.functions()[card]["sriov"]["numVFs"] == 0, "no VFs")
    assert daemon.virtual_functions(card) == []
    daemon.expect_fresh()

    def make():
        shutil.rmtree(bed.root + "/sys")
        shutil.move(saved, bed.root + "/sys")
        for index in range(4):
            bed.event(bed.folder(bed.vf(card, index)), "add")
    daemon.asleep(make)
    until(lambda: daemon.functions()[card]["sriov"]["numVFs"] == 4, "4 VFs")
    daemon.expect_fresh()


def late_count(bed, daemon):
    """the kernel writes the count a second after it removed the last VF, without an event"""
    card = bed.cards[0]
    saved = bed.root + ".saved"
    shutil.copytree(bed.root + "/sys", saved, symlinks=True)

    def all_seen_to_go():
        until(lambda: daemon.virtual_functions(card) == [], "the VFs to be gone")
        assert daemon.functions()[card]["sriov"]["numVFs"] == 4, "the count is not late: this tests nothing"
    take_vfs(bed, card, all_seen_to_go)
    until(lambda: daemon.functions()[card]["sriov"]["numVFs"] == 0, "no VFs")
    daemon.expect_fresh()
    shutil.rmtree(bed.root + "/sys")
    shutil.move(saved, bed.root + "/sys")
    for index in range(4):
        bed.event(bed.folder(bed.vf(card, index)), "add")
    until(lambda: daemon.functions()[card]["sriov"]["numVFs"] == 4, "4 VFs")
    daemon.expect_fresh()


def card(bed, daemon):
    """a card is removed with its VFs and interfaces, and comes back"""
    address = bed.cards[1]
    saved = bed.root + ".saved"
    shutil.copytree(bed.root + "/sys", saved, symlinks=True)

    def vanish():
        home = bed.folder(address)
        bed.event(bed.interface(address), "remove")
        take_vfs(bed, address)
        bed.event(home, "remove")
        group = os.path.realpath(home + "/iommu_group")
        os.remove(f"{bed.root}/sys/bus/pci/devices/{address}")
        shutil.rmtree(group)
        shutil.rmtree(home)
    daemon.asleep(vanish)
    until(lambda: address not in daemon.functions(), "the card to be gone")
    daemon.expect_fresh()

    def back():
        shutil.rmtree(bed.root + "/sys")
        shutil.move(saved, bed.root + "/sys")
        for one in (address, *(bed.vf(address, index) for index in range(4))):
            bed.event(bed.folder(one), "add")
    daemon.asleep(back)
    until(lambda: address in daemon.functions(), "the card to be back")
    daemon.expect_fresh()


def renamed(bed, daemon):
    """an interface is renamed"""
    address = bed.cards[0]
    old = bed.interface(address)
    new = os.path.dirname(old) + "/lan7"
    os.rename(old, new)
    os.remove(f"{bed.root}/sys/class/net/{os.path.basename(old)}")
    os.symlink(os.path.relpath(new, f"{bed.root}/sys/class/net"), f"{bed.root}/sys/class/net/lan7")
    bed.event(new, "move")
    until(lambda: [i["name"] for i in daemon.functions()[address]["interfaces"]] == ["lan7"], "the new name")
    daemon.expect_fresh()


def burst(bed, daemon):
    """thousands of events arrive at once"""
    addresses = [bed.vf(card, index) for card in bed.cards for index in range(4)]
    before = {address: daemon.functions()[address]["driver"] for address in addresses}
    for _ in range(250):
        for address in addresses:
            bed.drive(address, None)
            bed.drive(address, before[address])
    bed.drive(addresses[-1], None)
    until(lambda: daemon.functions()[addresses[-1]]["driver"] is None, "the last event")
    bed.drive(addresses[-1], before[addresses[-1]])
    daemon.expect_fresh()


def nonsense(bed, daemon):
    """events of functions that do not exist, and of malformed paths"""
    stray = f"{bed.root}/sys/devices/pci0000:00/0000:00:00.0/0000:7f:1f.7"
    odd = f"{bed.root}/sys/devices/pci0000:00/not-an-address"
    for folder in (stray, odd):
        os.makedirs(folder)
        os.symlink(os.path.relpath(f"{bed.root}/sys/bus/pci", folder), folder + "/subsystem")
        with open(folder + "/uevent", "w") as file:
            file.write("PCI_SLOT_NAME=\xff\n")
        for action in ("add", "bind", "change", "move", "remove"):
            bed.event(folder, action)
    # Later events still count.
    drivers(bed, daemon)
    for folder in (stray, odd):
        shutil.rmtree(folder)


def watched(bed, daemon):
    """inventory --watch prints one JSON line for each change"""
    vf = bed.vf(bed.cards[0], 1)
    with subprocess.Popen(
        [f"{daemon.built}/buslane", "inventory", "--watch", "--socket", daemon.socket], stdout=subprocess.PIPE, text=True
    ) as watch:
        try:
            assert json.loads(watch.stdout.readline())["event"] == "watching"
            bed.drive(vf, None)
            change = json.loads(watch.stdout.readline())
            bed.drive(vf, "vfio-pci")
        finally:
            watch.terminate()
    told = (change["event"], change["address"], "driver" in change["fields"], change["function"]["driver"])
    assert told == ("changed", vf, True, None), told
    daemon.expect_fresh()


def valid(bed, daemon):
    """the inventory is valid by docs/inventory.schema.json"""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    path = f"{daemon.place.name}/inventory.json"
    with open(path, "w") as file:
        json.dump(daemon.inventory(), file)
    said = subprocess.run(
        [sys.executable, f"{top}/tools/validate-json", f"{top}/docs/inventory.schema.json", path],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert said.returncode == 0, said.stdout


def main(built):
    failed = 0
    bed = Testbed()
    with Daemon(built, bed) as daemon:
        for test in (from_memory, drivers, vfs, late_count, card, renamed, burst, nonsense, watched, valid):
            try:
                test(bed, daemon)
                assert daemon.process.poll() is None, "the daemon ended"
                print(f"ok udev: {test.__doc__}", flush=True)
            except Exception as problem:  # an error in a test is a failure
                failed += 1
                print(f"not ok udev: {test.__doc__}: {type(problem).__name__}: {str(problem)[:400]}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
