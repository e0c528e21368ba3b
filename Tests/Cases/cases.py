#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Buslane says and does on hosts as people met them: cases.py BUILT FOLDER

Each tree of FOLDER is built with the folder's own build.py, and a daemon runs on it. A case that this file does not know
is held to what is right for every host: it is read, its inventory is the same with and without the daemon, and doctor
examines it.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILT, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])


class Host:
    """A case's host with a daemon on it."""

    def __init__(self, tree, configuration=None, node=None):
        self.folder = Path(tempfile.mkdtemp(prefix="buslane-case-"))
        self.root = self.folder / "root"
        subprocess.run([sys.executable, "build.py", f"{tree}.tree", self.root], cwd=FOLDER, check=True)
        (self.folder / "etc").mkdir()
        if configuration:
            shutil.copy(FOLDER / configuration, self.folder / "etc/buslane.yaml")
        self.log = open(self.folder / "log", "w")
        libvirt = f"test://{FOLDER / node}" if node else "test:///default"
        self.daemon = subprocess.Popen(
            [BUILT / "buslaned", "--configuration-directory", self.folder / "etc", "--ledger", self.folder / "ledger.sqlite",
             "--socket", self.folder / "socket", "--socket-group", str(os.getgid()) if os.getuid() else "root",
             "--host-root", self.root, "--libvirt-uri", libvirt, "--latest-driver", "0", "--first-start"],
            stdout=self.log, stderr=self.log)
        while not (self.folder / "socket").exists():
            if self.daemon.poll() is not None:
                raise RuntimeError("the daemon ended: " + (self.folder / "log").read_text())
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.daemon.terminate()
        self.daemon.wait()
        self.log.close()
        shutil.rmtree(self.folder)

    def run(self, command, stdin=None):
        with open(FOLDER / stdin if stdin else os.devnull) as document:
            return subprocess.run(
                [BUILT / "buslane", *command.split()], stdin=document, capture_output=True, text=True,
                env={"BUSLANE_SOCKET": str(self.folder / "socket"), "PATH": os.environ["PATH"], "NO_COLOR": "1"})

    def __call__(self, command, stdin=None):
        """The exit code of `buslane COMMAND` and what it prints."""
        done = self.run(command, stdin)
        return done.returncode, done.stdout + done.stderr

    def json(self, command):
        done = self.run(command + " --json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def function(self, address):
        return next(one for one in self.json("inventory")["functions"] if one["address"] == address)


def refused(answer, *words, status=1):
    """A refusal with a remedy, that says these words."""
    code, text = answer
    assert code == status, f"exit code {code}: {text}"
    assert "fix:" in text, f"no remedy: {text}"
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"


def why(host, pool):
    """By function: what --explain says of it, whole."""
    answer = json.loads(host.run(f"allocate {pool} --explain --json").stdout)
    return {one["address"]: one for one in answer["candidates"]}


def representors(tree):
    def check():
        with Host(tree, "pf-mlx5.yaml", "r07-node.xml") as host:
            status, text = host("plan")
            assert status == 0 and "nothing to do" in text, text
            ports = [one["name"] for one in host.function("0000:17:00.0")["interfaces"] if one["isPort"]]
            assert ports == ["enp23s0f0np0"], ports
            status, text = host("domain inject", stdin="r01-domain.xml")
            assert status == 0 and "bus='0x17'" in text, text
    return check


def two_ports():
    with Host("r02-mlx4-two-ports", "pool-vfs.yaml") as host:
        assert len(host.json("claims")["claims"]) == 0
        interfaces = host.function("0000:03:00.0")["interfaces"]
        assert [(one["portNumber"], one["isPort"]) for one in interfaces] == [(0, True), (1, True)], interfaces
        assert host("allocate lane")[0] == 0


def ports_by_themselves():
    with Host("r02b-two-ports-no-vfs", "r02b-declared.yaml") as host:
        before = {one["name"]: one["state"] for one in host.function("0000:03:00.0")["interfaces"]}
        assert host("apply --yes")[0] == 0
        after = {one["name"]: one["state"] for one in host.function("0000:03:00.0")["interfaces"]}
        assert before == after, (before, after)


def denylist():
    with Host("r03-qat-denylist", "pool-vfs.yaml") as host:
        refused(host("allocate lane"), "denylist", "8086:37c9")
        assert all("denylist" in one["reason"] for one in why(host, "lane").values())
        assert "denylist" in host(f"doctor --host-root {host.root}")[1]


def token():
    with Host("r04-vf-token", "pool-vfs.yaml") as host:
        refused(host("allocate lane"), "VF token", "0000:4c:00.0")


def sockets():
    with Host("r05-slit-16-two-sockets", "pool-vfio.yaml") as host:
        refused(host("allocate lane --numa socket:0"), "can never give 1", "socket:0")
        assert host("allocate lane --numa socket:2")[0] == 0


def one_node():
    with Host("r06-node-minus-one", "pool-vfs.yaml") as host:
        assert host.function("0000:01:02.0")["numaNode"] == 0
        claims = host.json("allocate lane --numa required:0")
        assert '"numaNode": 0' in json.dumps(claims), claims
        assert "On no NUMA node" not in host("topology")[1]


def injected(tree, node, document, *wanted):
    def check():
        with Host(tree, "pool-vfio.yaml", node) as host:
            status, text = host("domain inject", stdin=document)
            assert status == 0, text
            for pattern in wanted:
                assert re.search(pattern, text), f"{pattern!r} is not in: {text}"
    return check


def at_boot():
    with Host("r11-boot-lines") as host:
        text = host(f"doctor --host-root {host.root}")[1]
        named = set(re.findall(r"^  (/[^:\s]+):\d+:", text, re.MULTILINE))
        tree = (FOLDER / "r11-boot-lines.tree").read_text()
        making = {line.split(" ")[0] for line in tree.splitlines()
                  if line.startswith("/") and re.search(r"sriov_numvfs|num_vfs|<forward", line)}
        # What a unit runs is named with the unit.
        assert making and making <= named | {path for path in making if path in text}, (making, named)


def no_iommu():
    with Host("r12-noiommu", "pool-vfio.yaml") as host:
        assert host.json("inventory")["iommu"]["enabled"] is False
        refused(host("allocate lane"), "no IOMMU")


def command_line():
    done = subprocess.run(
        [BUILT / "buslane", "domain", "inject", "--xml-only", "--device", "0000:01:00.0"],
        stdin=open(FOLDER / "r16-commandline.xml"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode != 0 and "0000:01:00.0" in done.stdout, done.stdout


def numbers():
    def config(name):
        done = subprocess.run([BUILT / "buslane", "config", "check", FOLDER / name], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
    refused(config("r18-unquoted.yaml"), "'0100'", "'010'")
    assert "2 errors" in config("r18-unquoted.yaml")[1]
    status, text = config("r18b-quoted-or-plain.yaml")
    assert status == 0, text


def infiniband():
    with Host("r21-infiniband", "pool-vfs.yaml", "r07-node.xml") as host:
        refused(host("allocate lane --mac 52:54:00:00:00:01"), "not a virtual function of an Ethernet card")
        status, text = host("domain inject", stdin="r21-domain.xml")
        assert status == 0 and "<hostdev" in text and "<interface" not in text and "<mac" not in text, text


def drives():
    with Host("r26-nvme-in-use", "pool-nvme.yaml") as host:
        found = why(host, "disks")
        for bus, word in [("01", "mounted at /"), ("02", "vg0-win10"), ("03", "nvme2n1"), ("04", "nvme3n1")]:
            reason = found[f"0000:{bus}:00.0"]["reason"]
            assert word in reason, reason


def vgpu():
    with Host("r29-nvidia-vfio", "pool-vgpu.yaml") as host:
        found = why(host, "gpu")
        assert "7001" in found["0000:41:00.4"]["reason"], found
        text = json.dumps(host.json("allocate gpu"))
        assert "0000:41:00.5" in text and "0000:41:00.4" not in text, text
        assert host.function("0000:41:00.5")["driver"] == "nvidia"


def every(tree):
    """What is right for every host."""
    def check():
        with Host(tree) as host:
            through, alone = host.json("inventory"), host.json(f"inventory --host-root {host.root}")
            assert through["functions"], through
            for one in (through, alone):
                one.pop("capturedAt", None)
            assert through["functions"] == alone["functions"]
            assert through["numaNodes"] == alone["numaNodes"]
            assert host(f"doctor --host-root {host.root}")[0] in (0, 1)
            assert host("topology")[0] == 0
    return check


CHECKS = {
    "the uplink alone is the PF's port, with representors that are down": representors("r01-switchdev-representors"),
    "the uplink alone is the PF's port, with representors that are up": representors("r01b-switchdev-all-up"),
    "a card with two ports": two_ports,
    "a card's ports stay as they are, each by itself": ports_by_themselves,
    "vfio-pci's denylist is foretold": denylist,
    "a VF that needs a VF token is refused": token,
    "socket goes by package": sockets,
    "what is on a host of one node is on that node": one_node,
    "huge pages of the kernel's default size": injected(
        "r07-default-1g-pages", "r07-node.xml", "r07-domain.xml", r"<memory mode='strict' nodeset='1'/>"),
    "memory from the nearest node that has some": injected(
        "r10-node-without-memory", "r10-node.xml", "r10-domain.xml", r"<memory mode='strict' nodeset='0'/>"),
    "restrictive memory stays restrictive": injected(
        "r07-default-1g-pages", "r08-node.xml", "r08-domain.xml", r"<memnode cellid='\d' mode='restrictive' nodeset='1'/>"),
    "each place where VFs are made at boot is named": at_boot,
    "without an IOMMU nothing is handed out": no_iommu,
    "devices of qemu:commandline count": command_line,
    "numbers of YAML 1.1": numbers,
    "InfiniBand VFs are plain hostdevs": infiniband,
    "drives in use without a mount": drives,
    "a VF is on VFIO because the kernel says so": vgpu,
    **{f"{tree.stem} is read whole": every(tree.stem) for tree in sorted(FOLDER.glob("*.tree"))},
}

failed = False
for name, check in CHECKS.items():
    try:
        check()
        print("ok", name, flush=True)
    except Exception as error:  # an answer that is no JSON or has no such field is a failure as well
        print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
        failed = True
sys.exit(failed)
