# SPDX-License-Identifier: GPL-3.0-or-later
"""The real daemon on a synthetic host, its clients, and the cases."""
import contextlib
import http.client
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import documents
from client import Answer, Connection
from people import ROOT

# Root's own door, in the folder of the socket.
ADMIN = os.environ.get("BUSLANE_ADMIN_SOCKET", "admin.sock")
# A limit for waiting, never a measure: nothing is judged by how soon it happens before that.
PATIENCE = float(os.environ.get("BUSLANE_PATIENCE", 60))
# As in the unit; and an end for a daemon that would take the memory of the machine.
LIMITS = {"nofile": 16384, "data": 2 << 30}
CASES = []
# A limit that no case may reach, below MemoryMax of the unit.
MEMORY_LIMIT = 384 << 20
FIGURES = {}
MEMORY = {}


def case(name, each=None):
    """Registers a case; with `each`, one for each name and value, which the function is given.

    A case with a `yield` begins before all others, and goes on after them.
    """
    def register(function):
        for key, values in ({None: None} if each is None else each).items():
            full = name if key is None else f"{name} {key}"
            CASES.append((full, function if key is None else lambda values=values: function(values)))
        return function
    return register


class Place:
    """Where the programs and the trees are."""
    built = folder = small = large = node = None
    options = ""

    @classmethod
    def program(cls, name):
        found = [path for path in (cls.built / name, *(cls.built / "usr" / part / name for part in ("sbin", "bin", "libexec/buslane")))
                 if path.exists()]
        assert found, f"there is no {name} in {cls.built}"
        return found[0]

    @classmethod
    def find(cls, built, folder):
        cls.built, cls.folder = Path(built), Path(folder)
        cls.small, cls.large, cls.node = (cls.folder / name for name in ("small", "large", "node.xml"))
        cls.options = subprocess.run([cls.program("buslaned"), "--help"], capture_output=True, text=True).stdout

    @classmethod
    def prepare(cls, built):
        cls.find(built, tempfile.mkdtemp(prefix="buslane-attack-", dir="/dev/shm"))
        cls.folder.chmod(0o755)
        documents.Small(str(cls.small)).fill()
        documents.generate.Host(str(cls.large)).fill(526)
        documents.libvirt_node(cls.node)

    @classmethod
    def copied(cls):
        """A tree to change, in a folder of its own."""
        tree = Path(tempfile.mkdtemp(prefix="tree-", dir=cls.folder), "tree")
        subprocess.run(["cp", "-a", cls.small, tree], check=True)
        return tree


class Host:
    """A daemon on a synthetic host; it must still run when the block ends, and end when it is told to."""
    def __init__(self, pools=documents.POOLS, tree=None, limits=None, ledger=None, folder=None):
        self.folder = folder or Path(tempfile.mkdtemp(prefix="host-", dir=Place.folder))
        self.folder.chmod(0o755)
        self.tree, self.limits = tree or Place.small, {**LIMITS, **(limits or {})}
        self.socket, self.admin = self.folder / "buslane.sock", self.folder / ADMIN
        state = self.folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        self.ledger = ledger or state / "ledger.sqlite"
        self.spool = self.ledger.parent / "spool"
        self.etc = self.folder / "etc"
        self.etc.mkdir(exist_ok=True)
        (self.etc / "buslane.yaml").write_text(pools)
        self.log_path, self.process, self.is_new = self.folder / "log", None, True

    def command(self):
        limits = [f"--{name}={value}" for name, value in self.limits.items()]
        return ["prlimit", *limits, Place.program("buslaned"), "--configuration-directory", self.etc, "--ledger", self.ledger,
                "--socket", self.socket, "--host-root", self.tree, "--libvirt-uri", f"test://{Place.node}", "--latest-driver", "0",
                *self.first]

    @property
    def first(self):
        """What is said at the first start: that nobody has the functions that are on VFIO already."""
        is_first = self.is_new and not self.ledger.exists()
        self.is_new = False
        return ["--first-start"] if is_first and "--first-start" in Place.options else []

    def start(self, patience=PATIENCE):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.ended or self.is_serving, patience, "the daemon does not serve")
        assert not self.ended, f"the daemon ended at its start with {self.process.returncode}: {self.log[-200:]}"
        return self

    @property
    def is_serving(self):
        try:
            return self.ask("GET", "/v1/health", patience=2).status == 200
        except (OSError, http.client.HTTPException):
            return False

    @property
    def ended(self):
        return self.process.poll() is not None

    def stop(self, how=signal.SIGTERM):
        self.note_memory()
        self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon does not end when it is told to") from None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, _):
        died = self.ended
        try:
            if not died:
                self.stop()
        except AssertionError:
            if kind is None:
                raise
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        # What the case itself saw is often only what follows from it.
        assert not died, f"the daemon ended with {self.process.returncode} ({error})"

    shared_ones = {}

    @classmethod
    @contextlib.contextmanager
    def shared(cls, *about):
        """A daemon that goes on for the next case, after its claims were released. One that failed, or in which a guest has
        started, is given up."""
        host = cls.shared_ones.pop(about, None) or cls(*about).start()
        with contextlib.ExitStack() as undo:
            undo.push(host)
            yield host
            assert not host.ended, f"the daemon ended with {host.process.returncode}"
            host.note_memory()
            host.post("claims/release", {"claims": [claim["id"] for claim in host.get("claims").json["claims"]]})
            if host.get("claims").json["claims"]:
                return
            undo.pop_all()
        cls.shared_ones[about] = host

    @classmethod
    def end_shared(cls):
        while cls.shared_ones:
            cls.shared_ones.popitem()[1].__exit__(None, None, None)

    # MARK: - Asking

    def connection(self, by=ROOT, patience=PATIENCE, admin=False):
        return Connection(self.admin if admin else self.socket, by, patience)

    def ask(self, method, route, document=None, by=ROOT, patience=PATIENCE, admin=False, headers=None):
        connection = self.connection(by, patience, admin)
        try:
            return connection.ask(method, route, document, headers)
        finally:
            connection.close()

    def get(self, route, **more):
        return self.ask("GET", "/v1/" + route, **more)

    def post(self, route, document, **more):
        return self.ask("POST", "/v1/" + route, document, **more)

    def claim(self, by=ROOT, **request):
        """A claim that must be made: its document."""
        answer = self.post("claims", {"pool": "data", **request}, by=by)
        assert answer.status == 200, f"cannot claim as {by.name}: {answer}"
        return answer.json["claims"][0]

    def hook(self, xml, operation="prepare", by=ROOT, name="victim", **more):
        """The hook's request, without the hook."""
        document = {"domain": name, "operation": operation, "reason": "-", "xml": xml}
        return self.post("hooks", document, by=by, headers={"Accept": "application/json"}, **more)

    def raw(self, text, by=ROOT, patience=PATIENCE):
        """The answer to bytes that are sent as they are; status 0 where the daemon hangs up without one."""
        with by.connected(str(self.socket), patience) as wire:
            wire.settimeout(patience)
            try:
                wire.sendall(text)
            except OSError:
                pass  # answered before it had read everything
            try:
                answer = http.client.HTTPResponse(wire)
                answer.begin()
                return Answer(answer.status, answer.read().decode(errors="replace"), answer.headers)
            except (ConnectionError, http.client.HTTPException):
                return Answer(0, "", {})

    def run(self, program, *words, by=ROOT, stdin=None, limits=None, patience=60, **more):
        """A program of Buslane's as a user: what it ended with."""
        place = {"BUSLANE_SOCKET": str(self.socket), "BUSLANE_SPOOL": str(self.spool), "NO_COLOR": "1", "PATH": os.environ["PATH"]}
        wrapper = ["prlimit", *(f"--{name}={value}" for name, value in limits.items())] if limits else []
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(
            [*wrapper, Place.program(program), *words], env={**place, **more.pop("env", {})}, capture_output=True, text=True,
            errors="replace", timeout=patience, **{**given, **(by.process if by.uid else {}), **more})

    # MARK: - Looking

    @property
    def log(self):
        return self.log_path.read_bytes().decode(errors="replace")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def sockets(self):
        count = 0
        for file in os.scandir(f"/proc/{self.process.pid}/fd"):
            try:
                count += os.readlink(file.path).startswith("socket:")
            except FileNotFoundError:
                pass  # closed since
        return count

    @property
    def processor_seconds(self):
        """Source: proc_pid_stat(5), utime and stime."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field="VmHWM"):
        """Bytes. Source: proc_pid_status(5)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def note_memory(self):
        MEMORY[Host.current] = max(self.memory(), MEMORY.get(Host.current, 0))
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # VmHWM begins anew; proc_pid_clear_refs(5)

    current = ""

    @property
    def stored(self):
        """Bytes of the ledger's folder and the log."""
        return sum(path.stat().st_size for path in [*self.ledger.parent.rglob("*"), self.log_path] if path.is_file())

    def sql(self, text, *values):
        """Of a daemon that is stopped, or only read."""
        with sqlite3.connect(self.ledger, timeout=PATIENCE) as ledger:
            return ledger.execute(text, values).fetchall()


def until(condition, patience, why):
    """Waits for a condition. `patience` is only an end for a test that fails."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, why
        time.sleep(0.02)


def refused(answer, *statuses, code=None):
    """A refusal with a code, and no defect."""
    assert answer.status in statuses, f"not {' or '.join(map(str, statuses))} but {answer}"
    assert answer.error["code"] not in (None, "internal"), f"no error of its own: {answer}"
    assert code is None or answer.error["code"] == code, f"not {code} but {answer}"


def done(answer):
    assert answer.status == 200, f"not 200 but {answer}"
    return answer


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
