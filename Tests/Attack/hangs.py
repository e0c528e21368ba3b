# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs: an attribute of a card, the user database, the spool. Others are served all the while."""
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from crowd import Crowd, request
from documents import VICTIM, device, domain, pf, vf
from harness import Host, Place, case, done
from people import ALICE, MALLORY

PLAN = request("POST", "plan", b'{"confirmed": false}')
F_SETSIG = 10


class Hung:
    """A file that cannot be opened, as a sysfs attribute whose driver waits for a card."""

    def __init__(self, path, kind):
        self.path, self.kind = Path(path), kind
        if kind == "a FIFO":
            self.path.unlink(missing_ok=True)
            os.mkfifo(self.path)
        else:
            # Who opens a regular file that another has leased waits until the lease is given up, /proc/sys/fs/lease-break-time.
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            self.file = os.open(self.path, os.O_RDWR)
            fcntl.fcntl(self.file, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def end(self):
        if self.kind == "a FIFO":
            # Whoever waits for a writer is let go.
            os.close(os.open(self.path, os.O_RDWR | os.O_NONBLOCK))
        else:
            os.close(self.file)


def served(host, pool="other", uuid=VICTIM):
    """Everything that has nothing to do with the hung file."""
    done(host.get("health", by=ALICE))
    done(host.get("claims", by=ALICE))
    claim = done(host.post("claims", {"pool": pool}, by=ALICE)).json["claims"][0]
    done(host.hook(domain(uuid, device(pool=pool))))
    done(host.hook(domain(uuid, device(pool=pool)), operation="release"))
    done(host.post("claims/release", {"claims": [claim["id"]]}, by=ALICE))
    done(host.get("health"))


FILES = {
    "sriov_numvfs": f"sys/bus/pci/devices/{pf(0)}/sriov_numvfs", "uevent of a PF": f"sys/bus/pci/devices/{pf(0)}/uevent",
    "config of a PF": f"sys/bus/pci/devices/{pf(0)}/config", "numa_node of a VF": f"sys/bus/pci/devices/{vf(0, 3)}/numa_node",
    "the link of a port": "sys/class/net/eth100001/operstate",
}


@case("claims on other cards, starts and health are served beside a hung", {
    f"{name} ({kind})": (path, kind) for name, path in FILES.items() for kind in ("a FIFO", "a lease")})
def attribute(asked):
    path, kind = asked
    tree = Place.copied()
    with Host(tree=tree) as host:
        done(host.get("inventory"))
        hung = Hung(tree / path, kind)
        try:
            with Crowd(host, MALLORY, 12, PLAN), Crowd(host, MALLORY, 4, request("GET", "inventory")), \
                    Crowd(host, MALLORY, 4, request("POST", "claims", b'{"pool": "data"}')):
                served(host)
        finally:
            hung.end()
    shutil.rmtree(tree.parent)


class Bound:
    """A file in another one's place, in this mount namespace."""

    def __init__(self, source, target):
        self.target = target
        subprocess.run(["mount", "--bind", source, target], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.target], check=True)


@case("root, its claims and its starts are served while the user database hangs:", {
    name: f"/etc/{name}" for name in ("group", "passwd")})
def user_database(path):
    with Host() as host, tempfile.TemporaryDirectory(dir=Place.folder) as folder:
        done(host.post("claims", {"pool": "shared"}, by=ALICE))
        fifo = os.path.join(folder, "fifo")
        os.mkfifo(fifo)
        with Bound(fifo, path):
            try:
                with Crowd(host, MALLORY, 16, request("POST", "claims", b'{"pool": "shared"}')):
                    done(host.get("health"))
                    claim = host.claim()
                    done(host.hook(domain(VICTIM, device(pool="other"))))
                    done(host.hook(domain(VICTIM, device(pool="other")), operation="release"))
                    done(host.post("claims/release", {"claims": [claim["id"]]}))
            finally:
                os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))


SPOOLED = {
    "a FIFO": lambda path: os.mkfifo(path), "a link to a FIFO": lambda path: (os.mkfifo(f"{path}.fifo"), os.symlink(f"{path}.fifo", path)),
    "a link to a file": lambda path: os.symlink("/etc/passwd", path), "a link to nowhere": lambda path: os.symlink("nowhere", path),
    "a folder": lambda path: os.mkdir(path), "an endless device": lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5)),
    "a socket": lambda path: os.mknod(path, 0o600 | 0o140000), "a file of 1 TiB": lambda path: (open(path, "w").close(), os.truncate(path, 1 << 40)),
    "no JSON": lambda path: Path(path).write_text("{"),
}


@case("the spool takes regular files alone, at a start and at a call:", SPOOLED)
def spool(make):
    with Host() as host:
        claim = host.claim(owner=f"domain:{VICTIM}", name="data0")
        host.stop()
        host.spool.mkdir(exist_ok=True)
        make(f"{host.spool}/0001.json")
        host.start()
        make(f"{host.spool}/0002.json")
        done(host.hook(domain(VICTIM, device())))
        assert "root:x:" not in host.log
        assert claim["id"] in host.get("claims").text
        assert os.path.exists("/etc/passwd")


@case("a card with a hung write is not read by others: a claim on it is refused or waits, others are made")
def hung_card():
    tree = Place.copied()
    with Host(tree=tree) as host:
        hung = Hung(tree / FILES["sriov_numvfs"], "a lease")
        try:
            text = b'{"pool": "data", "count": 2}'
            with Crowd(host, MALLORY, 8, request("POST", "claims", text)), Crowd(host, ALICE, 8, request("POST", "claims/explain", text)):
                served(host)
                served(host, pool="few", uuid=VICTIM)
        finally:
            hung.end()
    shutil.rmtree(tree.parent)
