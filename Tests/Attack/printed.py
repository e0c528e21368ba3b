# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed: no control, direction or line-separating character of a client reaches a log, a trail or a terminal; and a
stranger's tree is never left."""
import json
import os
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from documents import VICTIM, device, domain, pf, vf
from harness import PATIENCE, Host, Place, case, done
from people import MALLORY, VICTOR

CHARACTERS = {
    "a null": "\0", "a line feed": "\n", "a carriage return": "\r", "an escape": "\x1b[2J", "a delete": "\x7f", "a next line (C1)": "\x85",
    "a control sequence (C1)": "\x9b2J", "a right-to-left override": "\u202e", "an embedding": "\u202a", "an isolate": "\u2066", "a mark": "\u200f",
    "an Arabic letter mark": "\u061c", "a soft hyphen": "\xad",
    "a zero-width space": "\u200b", "a byte-order mark": "\ufeff", "a line separator": "\u2028", "a paragraph separator": "\u2029",
}
FORGED = "2026-01-01T00:00:00+0000 notice buslaned: forged"


def clean(text, where):
    """That a text has no such character but line feeds of its own."""
    found = re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text)
    assert not found, f"{where} has U+{ord(found[0]):04X}: {text[max(0, found.start() - 40):found.end() + 20]!r}"


def everything_clean(host, *answers):
    for answer in answers:
        clean(answer.text, "the answer")
        assert answer.status < 500, answer
    for line in host.log.splitlines():
        assert not line.startswith(FORGED), f"a forged line: {line}"
    clean(host.log, "the log")
    for name in ("audit", "events", "claims", "findings"):
        clean(done(host.get(name)).text, name)
        if name != "findings":
            clean(host.run("buslane", name, by=MALLORY).stdout, f"buslane {name}")


def reference(text):
    """As XML writes them; those that XML does not have are left out."""
    return "".join(f"&#{ord(character)};" if ord(character) > 0x7e or character in "\n\r\t" else character for character in text if character >= " " or character in "\n\r\t")


def tried(host, text):
    """The answers to requests that have a text in every place that a client fills."""
    ask = [
        host.post("claims", {"pool": "data", "owner": f"o{text}"}, by=MALLORY), host.post("claims", {"pool": f"p{text}"}, by=MALLORY),
        host.post("claims", {"pool": "data", "name": f"n{text}"}, by=MALLORY), host.post("claims", {"pool": "data", "numa": f"none{text}"}, by=MALLORY),
        host.post("claims", {"pool": "data", f"key{text}": 1}, by=MALLORY), host.post("claims", {"pool": "data", "owner": f"domain:d{text}"}),
        host.post("claims", {"pool": "data", "owner": f"unit:d{text}.service"}), host.post("claims/explain", {"pool": f"p{text}"}, by=MALLORY),
        host.post("claims/wait", {"pool": f"p{text}", "waitSeconds": 1}, by=MALLORY), host.post("claims/release", {"claims": [f"c1{text}"]}, by=MALLORY),
        host.post("claims/release", {"claims": [], "owner": f"o{text}"}, by=MALLORY), host.post("claims/renew", {"claims": [f"c1{text}"]}, by=MALLORY),
        host.post("claims/rebind", {"claim": f"c1{text}", "here": True}), host.post("recover", {"address": f"0000:01:00.0{text}"}),
        host.post("ledger/restore", {"path": f"/nowhere{text}", "force": False}),
        host.post("plan", {"confirmed": False, "configuration": {"file": f"f{text}", "text": f"pools:\n- {{name: \"p{json.dumps(text)[1:-1]}\"}}\n"}}, by=MALLORY),
        host.post("plan", {"confirmed": False, "configuration": {"file": "f", "text": f"\"k{json.dumps(text)[1:-1]}\": 1\n"}}, by=MALLORY),
        host.get("events/follow?after=" + urllib.parse.quote("x" + text), by=MALLORY), host.get(urllib.parse.quote("x" + text), by=MALLORY),
    ]
    ask += [host.post(f"domains/{verb}", {"domain": f"d{text}"}, by=VICTOR) for verb in ("attach", "evict", "show", "start", "sync")]
    ask += [host.post("domains/start", {"domain": f"d{text}"}, by=MALLORY)]
    named = reference(text)
    for xml in (domain(VICTIM, device(), name=f"d{named}"), domain(VICTIM, device(name=f"n{named}")), domain(VICTIM, device(pool=f"p{named}")),
                domain(VICTIM, device(pool="nowhere"), name=f"d{named}"), domain(VICTIM, device(**{"vlan": f"5{named}"}))):
        # `inject` gives the caller its own document back.
        ask += [answer for answer in (host.post("domains/inject", {"xml": xml}),) if answer.status != 200]
        ask += [host.hook(xml), host.hook(xml, operation="release"), host.hook(xml, operation=f"o{text}"), host.hook(xml, operation="stopped", name=f"d{text}")]
    return ask


@case("nowhere is printed", CHARACTERS)
def characters(text):
    with Host() as host:
        everything_clean(host, *tried(host, text))


@case("a log line cannot be forged by", {
    "a line feed": f"\n{FORGED}", "a carriage return": f"\r{FORGED}", "both": f"\r\n{FORGED}", "a line separator": f"\u2028{FORGED}",
    "a next line": f"\x85{FORGED}", "a vertical tab": f"\v{FORGED}"})
def forged(text):
    with Host() as host:
        everything_clean(host, *tried(host, text))


@case("the real hook prints one clean line for a domain whose name has", CHARACTERS)
def hook_line(text):
    with Host.shared() as host:
        name = "d" + text.replace("\0", "")
        ended = host.run("buslane-hook", name, "prepare", "begin", "-", stdin=domain(VICTIM, device(pool="nowhere"), name=f"d{reference(text)}"))
        assert ended.returncode == 1 and ended.stderr.count("\n") == 1, ended
        clean(ended.stderr, "its standard error")


# MARK: - A stranger's tree

SECRET = "s3cr3t-0f-th3-h0st"
PLACES = [
    *(f"sys/bus/pci/devices/{pf(0)}/{name}" for name in (
        "vendor", "device", "class", "driver_override", "numa_node", "local_cpulist", "reset_method", "uevent", "sriov_numvfs", "config")),
    f"sys/bus/pci/devices/{vf(0, 1)}/driver_override", "sys/class/net/eth100001/address", "sys/class/net/eth100001/operstate",
    "sys/devices/system/node/node0/cpulist", "sys/devices/system/node/node0/meminfo", "sys/kernel/iommu_groups/1/type",
    "proc/sys/kernel/hostname", "proc/sys/kernel/osrelease", "proc/sys/kernel/random/boot_id", "proc/cmdline", "proc/cpuinfo", "proc/modules",
    "proc/self/mountinfo", "proc/swaps", "etc/hostname", "etc/machine-id", "etc/fstab", "etc/crypttab", "etc/modprobe.d/x.conf",
    "etc/modules-load.d/x.conf", "etc/udev/rules.d/x.rules", "etc/systemd/system/x.service", "etc/libvirt/qemu/networks/x.xml",
    "etc/rc.local", "lib/modules/6.1.0/modules.alias", "usr/lib/udev/rules.d/x.rules", "etc/buslane/buslane.yaml",
]
FOLDERS = [
    "sys/bus/pci/devices", f"sys/bus/pci/devices/{pf(0)}", "sys/class/net/eth100001", "sys/kernel/iommu_groups", "sys/devices/system/node",
    "proc", "etc", "proc/sys/kernel", "etc/modprobe.d", "etc/udev/rules.d", "etc/systemd/system",
]


def replaced(path, make):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    make(path)


def up(path, target):
    return os.path.relpath(target, path.parent.resolve())


class Outside:
    """A folder that no tree may lead to: each file in it is the secret, and each folder has all that a reader looks for."""

    def __init__(self, folder, tree):
        self.file, self.folder = folder / "secret", folder / "outside"
        self.file.write_text(f"{SECRET}\n")
        subprocess.run(["cp", "-a", tree, self.folder], check=True)
        for path in PLACES:
            replaced(self.folder / path, lambda place: place.write_text(f"{SECRET}\n"))


LINKS = {
    "absolute": lambda path, target: path.symlink_to(target), "upwards": lambda path, target: path.symlink_to(up(path, target)),
    "by a link in between": lambda path, target: (path.with_name("between").unlink(missing_ok=True), path.with_name("between").symlink_to(target), path.symlink_to("between")),
}
COMMANDS = (["inventory", "--json"], ["doctor", "--json"], ["topology"])


def said(tree):
    running = [subprocess.Popen(
        ["prlimit", f"--data={2 << 30}", Place.program("buslane"), *words, "--host-root", tree], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1", "BUSLANE_SOCKET": "/nowhere"}) for words in COMMANDS]
    texts = []
    try:
        for one in running:
            output, errors = one.communicate(timeout=PATIENCE)
            assert one.returncode in (0, 1), f"{one.args[3:]} ended with {one.returncode}: {errors[:200]}"
            texts.append(output + errors)
    finally:
        for one in running:
            one.kill()
    return texts


@case("the command line does not leave a stranger's tree through links of", {
    f"{what}, {how}": (what, how) for what in ("files", "folders") for how in LINKS})
def links(asked):
    what, how = asked
    tree = Place.copied()
    outside = Outside(tree.parent, tree)
    for path in PLACES if what == "files" else FOLDERS:
        target = outside.file if what == "files" else outside.folder / path
        replaced(tree / path, lambda place: LINKS[how](place, target))
        if what == "folders":
            assert SECRET not in "".join(said(tree)), f"{path} led outside"
            (tree / path).unlink()
            (tree / path).mkdir()
    assert SECRET not in "".join(said(tree)), "a file led outside"
    shutil.rmtree(tree.parent)


ODD = {
    "FIFOs": os.mkfifo, "endless devices": lambda path: os.mknod(path, 0o020666, os.makedev(1, 5)), "files of 1 TiB": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
    "links to themselves": lambda path: path.symlink_to(path.name), "folders": os.mkdir, "files of 1 MiB without a line": lambda path: path.write_bytes(b"x" * (1 << 20)),
    "terminal sequences": lambda path: path.write_text("\x1b[2J\x9b2J\u202e\u2028\x85evil\n"),
}


@case("the command line ends, and prints no control characters, with a stranger's tree of", ODD)
def odd(make):
    tree = Place.copied()
    for path in PLACES:
        replaced(tree / path, make)
    for text in said(tree):
        clean(text.replace("\t", ""), "the command line's answer")
    shutil.rmtree(tree.parent)


@case("the daemon starts and answers with a tree whose files are", {key: make for key, make in ODD.items() if key != "links to themselves"})
def odd_daemon(make):
    tree = Place.copied()
    for path in PLACES:
        if f"devices/{pf(0)}" in path or "proc/" in path:
            replaced(tree / path, make)
    with Host(tree=tree) as host:
        clean(done(host.get("inventory")).text, "the inventory")
        done(host.post("claims", {"pool": "other"}))
        done(host.get("findings"))
    shutil.rmtree(tree.parent)


@case("a folder of a loop of links ends a reader")
def loop():
    tree = Place.copied()
    devices = tree / "sys/bus/pci/devices"
    for number in range(200):
        (devices / f"0000:aa:{number & 31:02x}.{number >> 5}").symlink_to(Path("..", "devices"))
    said(tree)
    shutil.rmtree(tree.parent)
