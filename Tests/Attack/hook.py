# SPDX-License-Identifier: GPL-3.0-or-later
"""The real hook: a start is refused when its XML cannot be read; a report never fails, whatever the limits of the process are."""
import os
import subprocess

from documents import FIREWALL, VICTIM, device, domain, hostdev, vf
from harness import Host, Place, case

XML = domain(VICTIM, device())
REPORTS = ("release", "stopped", "reconnect")


def hook(host, operation, stdin, limits=None, shell=None, socket=None, name="victim"):
    """The hook with a standard input of one's own: how it ended. `shell` is what a shell makes of its files."""
    wrapper = ["prlimit", *(f"--{key}={value}" for key, value in (limits or {}).items())] if limits else []
    command = [*wrapper, Place.program("buslane-hook"), name, operation, "end", "-"]
    if shell:
        command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
    return subprocess.run(
        command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60,
        env={"BUSLANE_SOCKET": str(socket or host.socket), "BUSLANE_SPOOL": str(host.spool), "PATH": os.environ["PATH"]})


def given(host, operation, text=XML, **more):
    file = host.folder / "domain.xml"
    file.write_text(text)
    with open(file) as stdin:
        return hook(host, operation, stdin, **more)


UNREADABLE = {"is closed": "<&-", "is a folder": "</", "is write-only": "0>/dev/null", "fails": "</proc/self/mem"}


@case("the hook refuses a start whose XML", UNREADABLE)
def unreadable(shell):
    with Host.shared() as host:
        ended = hook(host, "prepare", None, shell=shell)
        assert ended.returncode == 1 and ended.stderr.startswith(b"buslane: ") and ended.stderr.count(b"\n") == 1, ended


@case("a report of the hook does not fail when its XML", {
    f"{key}: {operation}": (UNREADABLE[key], operation) for key in UNREADABLE for operation in REPORTS})
def unreadable_report(asked):
    shell, operation = asked
    with Host.shared() as host:
        assert hook(host, operation, None, shell=shell).returncode == 0


LIMITS = {
    **{f"{count} descriptors": {"nofile": count} for count in (0, 1, 2, 3, 4, 5)}, "a file size of 0": {"fsize": 0}, "a file size of 100": {"fsize": 100},
    "no core and no processes": {"core": 0, "nproc": 0}, "no locked memory": {"memlock": 0}, "a second of processor time": {"cpu": 1},
    **{f"a stack of {size} KiB": {"stack": size << 10} for size in (128, 256, 1024)},
    **{f"{size} MiB of address space": {"as": size << 20} for size in (16, 20, 24, 32, 48, 64, 128)},
    **{f"{size} MiB of data": {"data": size << 20} for size in (1, 2, 4, 8, 16)},
}
BIG = domain(VICTIM, device(), inside="<a>" + "x" * (5 << 20) + "</a>")


@case("the hook's reports cannot fail with", LIMITS)
def limits(given_limits):
    # What the same process can do at all: `started` reads nothing and asks nothing.
    with Host.shared() as host:
        able = given(host, "started", limits=given_limits).returncode == 0
        for where in (host.socket, host.folder / "nobody"):
            for text in (XML, BIG) if able else ():
                for operation in REPORTS:
                    ended = given(host, operation, text, limits=given_limits, socket=where)
                    assert ended.returncode == 0, f"{operation} of {len(text)} bytes, {where.name}: {ended.returncode} {ended.stderr[:200]}"
                ended = given(host, "prepare", text, limits=given_limits, socket=host.folder / "nobody")
                assert ended.returncode != 0, "a start that could not be asked about passes"


@case("a report of the hook does not fail", {
    "into a spool that is a file": lambda host: host.spool.write_text(""), "into a spool that is a FIFO": lambda host: os.mkfifo(host.spool),
    "into a spool that links to itself": lambda host: host.spool.symlink_to(host.spool),
    "into a spool that may not be written": lambda host: host.spool.mkdir(mode=0o500)})
def bad_spool(make):
    with Host() as host:
        make(host)
        for operation in REPORTS:
            assert given(host, operation, socket=host.folder / "nobody").returncode == 0


@case("a report of the hook does not fail with a standard error that is", {"closed": "2>&-", "full": "2>/dev/full"})
def bad_stderr(shell):
    with Host.shared() as host:
        for operation in REPORTS:
            assert given(host, operation, shell=shell).returncode == 0
        assert given(host, "prepare", domain(VICTIM, device(pool="nowhere")), shell=shell).returncode == 1


@case("without a daemon a domain passes that has", {"no mark": domain(FIREWALL), "a PCI device of its own": domain(FIREWALL, inside=hostdev(vf(2, 2)))})
def no_daemon(xml):
    with Host.shared() as host:
        ended = given(host, "prepare", xml, socket=host.folder / "nobody")
        assert ended.returncode == 0, ended


@case("without a daemon a domain with a mark does not start")
def marked_no_daemon():
    with Host.shared() as host:
        assert given(host, "prepare", socket=host.folder / "nobody").returncode == 1


@case("the start without a daemon of a domain with a PCI device is written down")
def written_down():
    with Host() as host:
        host.stop()
        before = set(host.ledger.parent.rglob("*"))
        ended = given(host, "prepare", domain(FIREWALL, inside=hostdev(vf(2, 2))), name="firewall")
        assert ended.returncode == 0, ended
        new = set(host.ledger.parent.rglob("*")) - before
        host.start()
        said = host.log + host.get("audit").text + host.get("events").text
        assert new or ended.stderr, "nothing was left"
        assert "firewall" in said, "the daemon says nothing of it at its next start"


@case("the hook asks nothing about a domain without marks and PCI devices")
def cheap():
    with Host.shared() as host:
        host.process.send_signal(19)
        try:
            assert given(host, "prepare", domain(FIREWALL)).returncode == 0
        finally:
            host.process.send_signal(18)


@case("a report ends while the daemon is stopped, and a start is refused in the end")
def stopped_daemon():
    with Host() as host:
        host.process.send_signal(19)
        try:
            running = [subprocess.Popen(
                [Place.program("buslane-hook"), "victim", operation, "end", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={"BUSLANE_SOCKET": str(host.socket), "BUSLANE_SPOOL": str(host.spool)}) for operation in (*REPORTS, "prepare")]
            for one in running:
                one.stdin.write(XML.encode())
                one.stdin.close()
            yield
            assert [one.wait(60) for one in running] == [0, 0, 0, 1]
        finally:
            host.process.send_signal(18)
