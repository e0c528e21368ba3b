# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty or missing ledger is a loss, a second daemon is refused, and what a daemon survives."""
import http.client
import os
import signal
import subprocess
import threading
from pathlib import Path

from crowd import Crowd, request
from documents import VICTIM, device, domain
from harness import PATIENCE, Host, Place, case, done, until
from people import ALICE, BOB, MALLORY


def files(host):
    return [Path(f"{host.ledger}{suffix}") for suffix in ("", "-wal", "-shm")]


def removed(host):
    for path in files(host):
        path.unlink(missing_ok=True)


def emptied(host):
    removed(host)
    host.ledger.write_bytes(b"")


def other_database(host):
    removed(host)
    host.sql("CREATE TABLE stranger (n)")


def without_tables(host):
    removed(host)
    host.sql("PRAGMA user_version = 1")
    host.sql("CREATE TABLE t (n)")
    host.sql("DROP TABLE t")


def without_claims(host):
    """Somebody else's empty ledger in the place of this one."""
    with Host() as other:
        other.stop()
        content = other.ledger.read_bytes(), [path.read_bytes() if path.exists() else None for path in files(other)[1:]]
        other.start()
    removed(host)
    host.ledger.write_bytes(content[0])
    for path, bytes_ in zip(files(host)[1:], content[1]):
        if bytes_ is not None:
            path.write_bytes(bytes_)


LOSSES = {
    "is gone and only its lock is left": removed, "is empty": emptied, "has no tables": without_tables,
    "is another program's database": other_database, "was cut in half": lambda host: os.truncate(host.ledger, host.ledger.stat().st_size // 2),
    "has one page of zeros": lambda host: (removed(host), host.ledger.write_bytes(bytes(4096))),
    "has no header any more": lambda host: (removed(host), host.ledger.write_bytes(b"x" * 100)),
}


def no_function_twice(host, damage):
    lost = done(host.post("claims", {"pool": "data", "count": 3, "owner": f"domain:{VICTIM}"})).addresses
    # So that the ledger's log has been taken into its file.
    done(host.post("ledger/backup", {}))
    host.stop()
    damage(host)
    try:
        host.start()
    except AssertionError:
        assert host.ended and "Fatal" not in host.log, "it does not start, and does not say why"
        removed(host)
        host.start()
    given = []
    for _ in range(20):
        answer = host.post("claims", {"pool": "data"}, by=BOB)
        given += answer.addresses if answer.status == 200 else []
    assert not set(lost) & set(given), f"{sorted(set(lost) & set(given))} of the first owner went to the next"
    # SQLite's log can have all that the file lost: then the claims are still there.
    kept = {assignment["address"] for claim in host.get("claims").json["claims"] for assignment in claim["assignments"]}
    assert set(lost) <= kept or "quarantine" in host.log + host.get("audit").text + host.get("events").text, "it says nothing of a loss"


@case("no function goes to the next owner after the ledger", LOSSES)
def loss(damage):
    with Host() as host:
        no_function_twice(host, damage)


@case("no function goes to the next owner after the whole folder of the ledger was emptied but for a backup")
def only_backup():
    with Host() as host:
        def damage(host):
            for path in host.ledger.parent.iterdir():
                if path.is_file() and "backup" not in path.name:
                    path.unlink()
        no_function_twice(host, damage)


@case("a host that never had a ledger starts with all functions of its pools")
def first_start():
    with Host() as host:
        assert len(done(host.post("claims", {"pool": "data", "count": 16}, by=ALICE)).addresses) == 16


@case("without a ledger and without a word that it is a first start, nothing that is on VFIO is given away")
def unsaid_first_start():
    with Host() as host:
        host.stop()
        for path in host.ledger.parent.iterdir():
            path.unlink()
        host.start()
        assert host.post("claims", {"pool": "data"}, by=ALICE).status in (409, 503)


@case("a second start with a sound ledger puts nothing into quarantine")
def second_start():
    with Host() as host:
        host.claim()
        host.stop(9)
        host.start()
        assert len(done(host.post("claims", {"pool": "data", "count": 15}, by=ALICE)).addresses) == 15


# MARK: - A second daemon

SECOND = {
    "of the same socket": lambda first: {"folder": first.folder, "ledger": first.folder / "other.sqlite"},
    "of the same socket and ledger": lambda first: {"folder": first.folder, "ledger": first.ledger},
    "of the same ledger": lambda first: {"ledger": first.ledger},
    "of the same ledger by a link": lambda first: {"ledger": link(first.folder / "link", first.ledger.parent) / first.ledger.name},
}


def link(path, target):
    path.symlink_to(target)
    return path


@case("a second daemon is refused, and the first keeps its socket:", SECOND)
def second(where):
    with Host() as host:
        claim = host.claim()["id"]
        other = Host(**where(host))
        other.log_path = Place.folder / "second.log"
        with open(other.log_path, "wb") as log:
            process = subprocess.Popen(other.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            assert process.wait(PATIENCE) != 0, "it ended with 0"
        except subprocess.TimeoutExpired:
            raise AssertionError("it runs beside the first") from None
        finally:
            process.terminate()
            process.wait()
        assert "Fatal" not in other.log and other.log.strip(), f"it does not say why: {other.log[:200]}"
        assert claim in done(host.get("claims")).text
        host.claim()


@case("a daemon starts beside the socket of one that was killed")
def stale_socket():
    with Host() as host:
        host.stop(9)
        assert host.socket.exists()
        host.start()
        host.claim()


@case("a daemon removes no file that is not its socket:", {
    "a file": lambda path: path.write_text("precious"), "a link to a file": lambda path: path.symlink_to("precious")})
def no_socket(make):
    host = Host()
    (host.folder / "precious").write_text("precious")
    make(host.socket)
    with open(host.log_path, "wb") as log:
        process = subprocess.Popen(host.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or host.is_serving, PATIENCE, "it neither serves nor ends")
    finally:
        process.terminate()
        process.wait()
    assert (host.folder / "precious").read_text() == "precious"
    assert "Fatal" not in host.log and host.log.strip(), host.log[:200]


@case("a signal does not end the daemon:", {
    name: getattr(signal, name) for name in ("SIGHUP", "SIGPIPE", "SIGUSR1", "SIGUSR2") if name in ("SIGHUP", "SIGPIPE")})
def signals(number):
    with Host() as host:
        for _ in range(3):
            host.process.send_signal(number)
            done(host.get("health"))
        host.claim()


# MARK: - No descriptors, and requests that are none

@case("with no descriptors left the daemon lives, and serves again afterwards", {"64": 64, "256": 256})
def descriptors(limit):
    with Host(limits={"nofile": limit}) as host:
        claim = host.claim()["id"]
        for user in (MALLORY, ALICE, BOB):
            with Crowd(host, user, 100, request("POST", "plan", b'{"confirmed": false}')):
                pass
        crowds = [Crowd(host, user, 100) for user in (MALLORY, ALICE, BOB)]
        threads = [threading.Thread(target=tried, args=(host,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for crowd in crowds:
            crowd.__exit__()
        until(lambda: host.is_serving, 30, "it does not serve again")
        host.claim()
        assert claim in host.get("claims").text


def tried(host):
    try:
        host.post("claims", {"pool": "other"}, patience=2)
    except (OSError, http.client.HTTPException):
        pass


HEAD = b"POST /v1/claims HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = {
    "a chunk's length that is none": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", "a negative chunk": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond all numbers": CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", "a chunk that goes on": CHUNKED + b"1\r\n{}}\r\n0\r\n\r\n",
    "a chunk's extension of 1 MiB": CHUNKED + b"1;" + b"x" * (1 << 20) + b"\r\n{\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n", "a length beyond all numbers": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: x\r\n\r\n", "another coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "no version": b"GET /v1/health\r\n\r\n", "another version": b"GET /v1/health HTTP/9.9\r\n\r\n", "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a null character in a head": b"GET /v1/health HTTP/1.1\r\nHost: \0\r\n\r\n", "a name without a colon": b"GET /v1/health HTTP/1.1\r\nHost\r\n\r\n",
    "a head of 1 MiB": b"GET /v1/health HTTP/1.1\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n",
    "100,000 heads": b"GET /v1/health HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", "no HTTP": bytes(range(256)) * 16, "TLS": b"\x16\x03\x01\x02\x00\x01",
}


@case("the daemon lives, answers with 4xx or hangs up, at", MALFORMED)
def malformed(text):
    with Host.shared() as host:
        with MALLORY.connected(str(host.socket), 5) as wire:
            wire.settimeout(PATIENCE)
            try:
                wire.sendall(text)
                wire.shutdown(1)
                answer = wire.recv(1 << 16)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
        assert not answer or answer[9:10] in b"45" and answer[9:12] != b"500", answer[:120]
        if b"chunked" in text and text.startswith(CHUNKED + b"zz"):
            assert answer[9:12] == b"400", answer[:120]
        done(host.get("health"))
        assert not host.get("claims").json["claims"]


@case("a domain's start works when the daemon was killed in the middle of many claims, and none is lost")
def killed():
    with Host() as host:
        kept = [host.claim()["id"] for _ in range(4)]
        with Crowd(host, MALLORY, 8, request("POST", "claims", b'{"pool": "other"}')):
            host.stop(9)
        host.start()
        assert set(kept) <= {claim["id"] for claim in host.get("claims").json["claims"]}
        done(host.hook(domain(VICTIM, device(pool="few"))))
