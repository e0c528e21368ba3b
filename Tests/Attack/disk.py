# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk: what is written for each request, what happens when it is full, and that no claim is lost."""
import json
import subprocess

from documents import VICTIM, device, domain
from harness import MEMORY_LIMIT, PATIENCE, Host, Place, case, done, refused, until
from people import MALLORY, ROOT

LONG = 5 << 20
WRITES = {
    "a start of a domain with a name of 5 MiB": lambda host: host.hook(domain(VICTIM, device(pool="nowhere"), name="x" * LONG)),
    "an inject of a domain with a name of 5 MiB": lambda host: host.post(
        "domains/inject", {"xml": domain(VICTIM, device(numa="required:7"), name="x" * LONG)}),
    "an inject that succeeds of a domain with a name of 5 MiB": lambda host: host.post(
        "domains/inject", {"xml": domain(VICTIM, device(), name="x" * LONG)}),
    "a start with a pool's name of 5 MiB": lambda host: host.hook(domain(VICTIM, device(pool="x" * LONG))),
    "a start with a device's name of 5 MiB": lambda host: host.hook(domain(VICTIM, device(name="x" * LONG))),
    "an inject with a value of 5 MiB": lambda host: host.post("domains/inject", {"xml": domain(VICTIM, device(vlan="x" * LONG))}),
    "a call of the hook with an operation of 5 MiB": lambda host: host.hook(domain(VICTIM), operation="x" * LONG),
    "a call of the hook with a domain of 5 MiB": lambda host: host.hook(domain(VICTIM), operation="release", name="x" * LONG),
    "a member's call of the hook with an operation of 5 MiB": lambda host: host.hook(domain(VICTIM), operation="x" * LONG, by=MALLORY),
    "a member's apply of a configuration of 5 MiB": lambda host: host.post(
        "apply", {"confirmed": True, "configuration": {"file": "f" * 4000, "text": "x" * LONG}}, by=MALLORY),
    "an apply of a configuration with a key of 5 MiB": lambda host: host.post(
        "apply", {"confirmed": True, "configuration": {"file": "f", "text": "x" * LONG + ": 1\n"}}),
    "a plan of a configuration with a key of 5 MiB": lambda host: host.post(
        "plan", {"confirmed": True, "configuration": {"file": "f", "text": "pools:\n- {" + "x" * LONG + ": 1}\n"}}, by=MALLORY),
    "a pool's name of 5 MiB": lambda host: host.post("claims", {"pool": "x" * LONG}, by=MALLORY),
    "an owner of 5 MiB": lambda host: host.post("claims", {"pool": "data", "owner": "x" * LONG}, by=MALLORY),
    "a path of 60 KiB": lambda host: host.get("x" * 60_000, by=MALLORY),
    "a method of 60 KiB": lambda host: host.ask("X" * 60_000, "/v1/health", by=MALLORY),
    "a release of a claim with an id of 5 MiB": lambda host: host.post("claims/release", {"claims": ["c" * LONG]}, by=MALLORY),
}


@case("at most a few KiB are written for", WRITES)
def written(write):
    with Host() as host:
        done(host.post("claims", {"pool": "data"}))
        before = host.stored
        for _ in range(5):
            answer = write(host)
            assert answer.status < 500, answer
            assert answer.status == 200 or len(answer.text) < 100_000, f"{answer.status}, {len(answer.text)} characters"
        # SQLite's log grows by whole pages.
        assert host.stored - before < 400_000, f"{(host.stored - before) >> 10} KiB for five"
        entries = host.get("audit").json["entries"] + host.get("events").json["events"] + host.get("claims").json["claims"]
        longest = max((len(value), key) for entry in entries for key, value in entry.items() if isinstance(value, str))
        assert longest[0] <= 210, f"'{longest[1]}' has {longest[0]} characters"


REFUSED = {
    "of an apply": ("apply", {"confirmed": True}), "of another's pool": ("claims", {"pool": "shared"}),
    "of an inject": ("domains/inject", {"xml": domain(VICTIM, device(pool="shared"))}),
    "of a change of a domain": ("domains/start", {"domain": "victim"}), "of a full pool": ("claims", {"pool": "few", "count": 17}),
}


@case("300 refusals are a few lines with a count:", REFUSED)
def repeated(asked):
    with Host() as host:
        connection = host.connection(MALLORY)
        for _ in range(300):
            assert connection.ask("POST", "/v1/" + asked[0], asked[1]).status >= 400
        connection.close()
        (audited,), = host.sql("SELECT count(*) FROM audit")
        logged = len(host.log.splitlines())
        assert audited <= 30, f"{audited} entries in the audit trail"
        assert logged <= 30, f"{logged} lines in the log"


def many(host, table, count):
    """Copies a table's last row."""
    columns = [row[1] for row in host.sql(f"PRAGMA table_info({table})") if row[1] != "id"]
    host.sql(f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?) INSERT INTO {table} "
             f"({', '.join(columns)}) SELECT {', '.join(columns)} FROM (SELECT * FROM {table} ORDER BY id DESC LIMIT 1), counted", count)


@case("a trail of 300,000 entries is read within the memory's limit:", {"audit": "entries", "events": "events"})
def long_trail(entries):
    name, table = ("audit", "audit") if entries == "entries" else ("events", "event")
    with Host() as host:
        host.post("recover", {"address": "0000:ff:00.0"})
        host.stop()
        many(host, table, 300_000)
        host.start()
        assert done(host.get(name, patience=60)).json[entries]
        assert host.memory() < MEMORY_LIMIT, f"{host.memory() >> 20} MiB"
        ended = host.run("buslane", name, by=MALLORY)
        assert ended.returncode == 0 and ended.stdout, ended.stderr


# MARK: - A full disk

class Disk:
    """A file system of its own for a host's ledger."""

    def __init__(self, size):
        self.path = Place.folder / "disk"
        self.path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", self.path], check=True)
        self.ballast = self.path / "ballast"

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True)


@case("a full disk refuses claims, starts and releases, and none is lost when there is room again")
def full():
    with Disk("4m") as disk, Host(ledger=disk.path / "ledger.sqlite") as host:
        kept = {host.claim()["id"] for _ in range(3)}
        disk.fill()
        answers = [host.post("claims", {"pool": "other", "owner": f"o{number}"}) for number in range(20)]
        kept |= {answer.json["claims"][0]["id"] for answer in answers if answer.status == 200}
        failed = [answer for answer in answers if answer.status != 200]
        assert failed, "the disk was never full"
        for answer in failed:
            assert answer.status in (503, 507) and answer.error["code"] not in (None, "internal"), f"no error of its own: {answer}"
            assert answer.error.get("remedy"), f"no remedy: {answer}"
        for answer in (host.hook(domain(VICTIM, device(pool="other"))), host.post("claims/release", {"claims": [min(kept)]})):
            assert answer.status in (200, 500, 503, 507), answer
            if "released" in answer.text and answer.status == 200:
                kept.discard(min(kept))
        done(host.get("health"))
        done(host.get("claims"))
        disk.ballast.unlink()
        until(lambda: host.post("claims", {"pool": "few"}).status == 200, PATIENCE, "no claim though there is room again")
        now = {claim["id"] for claim in host.get("claims").json["claims"]}
        assert kept <= now, f"lost: {kept - now}"
        host.stop(9)
        host.start()
        assert kept <= {claim["id"] for claim in host.get("claims").json["claims"]}, "lost after a crash"


@case("a daemon starts with a full disk, or says why not")
def full_start():
    with Disk("4m") as disk, Host(ledger=disk.path / "ledger.sqlite") as host:
        claim = host.claim()["id"]
        host.stop(9)
        disk.fill()
        try:
            host.start()
        except AssertionError:
            last = host.log.splitlines()[-1]
            assert "Fatal" not in host.log and "full" in host.log, last
            disk.ballast.unlink()
            host.start()
        assert claim in json.dumps(done(host.get("claims")).json)


@case("a disk that fails in the middle of a start leaves nothing half claimed")
def full_in_start():
    with Disk("4m") as disk, Host(ledger=disk.path / "ledger.sqlite") as host:
        done(host.hook(domain(VICTIM, device("d0"))))
        disk.fill()
        answer = host.hook(domain(VICTIM, *(device(f"d{n}") for n in range(8))))
        assert answer.status in (200, 500, 503, 507), answer
        disk.ballast.unlink()
        held = {one["name"] for claim in host.get("claims").json["claims"] for one in claim["assignments"]}
        assert held == ({f"d{n}" for n in range(8)} if answer.status == 200 else {"d0"}) or held <= {"d0"}, held


@case("a file-size limit refuses what does not fit, and the daemon lives")
def file_size():
    with Host() as host:
        claim = host.claim()["id"]
        host.stop()
        host.limits["fsize"] = 300_000
        host.start()
        answers = [host.post("claims", {"pool": "other", "owner": f"o{n}"}) for n in range(16)]
        answers += [host.post("claims/release", {"claims": [], "owner": f"o{n}"}) for n in range(16)]
        assert {answer.status for answer in answers} <= {200, 500, 503, 507}, [str(answer) for answer in answers][-1]
        assert claim in host.get("claims").text and ROOT
