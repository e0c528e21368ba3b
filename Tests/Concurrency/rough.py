#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and clients as they should not be: rough.py BUILT FOLDER

Run where FOLDER's sysfs takes the place of the kernel's. Each is answered with a 4xx and a code, or left alone; the daemon
stays small, and others are served all the while.
"""
import http.client
import json
import os
import random
import resource
import socket
import sqlite3
import sys
import tempfile
import threading
import time

from client import POOL, Connection, Daemon
from storm import checked

CONNECTIONS, MUTATIONS, SEED, MEMORY = 10_000, 4_000, 20261124, 400 << 20
CLAIM = {"pool": POOL, "count": 1, "owner": "rough", "numa": "none", "mac": "52:54:00:00:00:01", "vlan": 7, "ttlSeconds": 60}


def raw(path, head, body=b""):
    """The status of what is sent as it is; 0 when the daemon hangs up without one."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        wire.settimeout(60)
        try:
            wire.sendall(head + body)
        except OSError:
            pass  # answered before it had read everything
        try:
            answer = http.client.HTTPResponse(wire)
            answer.begin()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""


def posted(path, route, body):
    return raw(path, f"POST {route} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode(), body)


def wrong_requests(path):
    """What is wrong, the status that says so, and the code that does."""
    def claim(**changes):
        return json.dumps({key: value for key, value in {**CLAIM, **changes}.items() if value is not None}).encode()

    cases = [
        ("no JSON", "/v1/claims", b"{", 400, "malformed"),
        ("an empty body", "/v1/claims", b"", 400, "malformed"),
        ("a list for an object", "/v1/claims", b"[1, 2]", 400, "malformed"),
        ("a field that does not exist", "/v1/claims", claim(vlna=5), 400, "malformed"),
        ("a text for a number", "/v1/claims", claim(count="two"), 400, "malformed"),
        ("a negative count", "/v1/claims", claim(count=-3, mac=None), 400, "count-out-of-range"),
        ("no such pool", "/v1/claims", claim(pool="nowhere"), 404, "unknown-pool"),
        ("a control character in the owner", "/v1/claims", claim(owner="a\x07b"), 400, "malformed"),
        ("an owner of 4 KiB", "/v1/claims", claim(owner="a" * 4096), 400, "malformed"),
        ("no UTF-8", "/v1/claims", b'{"pool": "\xff\xfe", "count": 1}', 400, "malformed"),
        ("a VLAN of 5000", "/v1/claims", claim(vlan=5000), 400, "malformed"),
        ("a thousand brackets", "/v1/claims", b"[" * 100_000, 400, "malformed"),
        ("a body of 10 MiB", "/v1/claims", b" " * (10 << 20), 413, "http"),
        ("no such claim", "/v1/claims/release", b'{"claims": ["c99999"]}', 404, "unknown-claim"),
        ("an id that is none", "/v1/claims/release", json.dumps({"claims": ["c1; drop"]}).encode(), 404, "unknown-claim"),
        ("a generation of nothing", "/v1/claims/release", b'{"claims": [], "owner": "x", "generation": 1}', 400, "malformed"),
        ("no such route", "/v1/nowhere", b"{}", 404, "http"),
        ("a bad domain XML", "/v1/domains/inject", json.dumps({"xml": "<domain><name>x"}).encode(), 422, "bad-domain-xml"),
        ("a bad configuration", "/v1/plan", json.dumps({"confirmed": False, "configuration": {"file": "f", "text": "pools: 7"}}).encode(), 422, "bad-configuration"),
        ("a field of a field that does not exist", "/v1/plan", json.dumps({"confirmed": False, "configuration": {"file": "f", "text": "", "txt": ""}}).encode(), 400, "malformed"),
    ]
    good = True
    for name, route, body, status, code in cases:
        got, answer = posted(path, route, body)
        try:
            found = json.loads(answer)["error"]["code"]
        except (ValueError, KeyError, TypeError):
            found = answer[:60]
        good &= checked((got, found) == (status, code), f"{name}: {status} {code}", f"{got} {found}")
    return good


def mutated(path):
    """Valid requests with some bytes changed: refused, or granted and released; never an internal error."""
    dice = random.Random(SEED)
    routes = {"/v1/claims": json.dumps(CLAIM).encode(), "/v1/claims/release": b'{"claims": ["c1"], "owner": "rough", "generation": 4}',
              "/v1/claims/renew": b'{"claims": ["c1"]}', "/v1/claims/explain": json.dumps(CLAIM).encode()}
    worst, statuses = [], {}
    for number in range(MUTATIONS):
        route = dice.choice(sorted(routes))
        body = bytearray(routes[route])
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(body))
            kind = dice.randrange(3)
            if kind == 0:
                body[place] = dice.randrange(256)
            elif kind == 1:
                del body[place]
            else:
                body[place:place] = dice.choice([b'"', b"{", b"-", b"9" * 30, b"\\u0000", b"null", b"\xc3"])
        status, _ = posted(path, route, bytes(body))
        statuses[status] = statuses.get(status, 0) + 1
        if status == 0 or status >= 500 and status != 503:
            worst.append((route, bytes(body), status))
    print(f"# seed {SEED}: {MUTATIONS} mutated requests: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
    return checked(not worst, "no mutated request upsets the daemon", str(worst[:2]))


def crowd(daemon):
    """Many clients that connect and send nothing or half a request, while another client sends requests."""
    wanted = min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    idle, asked, unanswered, stop = [], [0], [], threading.Event()

    def asker():
        while not stop.is_set() and len(unanswered) < 5:
            try:
                connection = Connection(daemon.socket)
                assert connection.ask("GET", "/v1/health")[0] == 200
                connection.close()
                asked[0] += 1
            except (OSError, AssertionError, http.client.HTTPException) as error:
                unanswered.append(repr(error))
            time.sleep(0.02)

    thread = threading.Thread(target=asker)
    thread.start()
    while len(idle) < wanted:
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(daemon.socket)
        if len(idle) % 3 == 0:
            wire.sendall(b"POST /v1/claims HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        idle.append(wire)
    memory = daemon.anonymous_memory()
    stop.set()
    thread.join(120)
    for wire in idle:
        wire.close()
    print(f"# {len(idle)} connections that send nothing: {memory >> 20} MiB, {asked[0]} questions of another client answered meanwhile")
    good = checked(not thread.is_alive() and not unanswered and asked[0] > 0, "other clients are served while thousands send nothing", str(unanswered[:2]))
    return good & checked(memory < MEMORY, f"the daemon stays below {MEMORY >> 20} MiB", f"{memory >> 20} MiB")


def gone_before_the_answer(daemon):
    """A client that disconnects before the answer leaves no claim; one that only closed its sending side keeps it."""
    connection, end = Connection(daemon.socket), time.monotonic() + 60
    request = json.dumps({"pool": POOL, "count": 1, "owner": "gone"})
    ledger = sqlite3.connect(f"{daemon.place}/ledger.sqlite", isolation_level=None)

    def notes():
        return [entry["subject"] for entry in connection.ask("GET", "/v1/audit")[1]["entries"] if entry["verb"] == "answer"]

    def live():
        return [claim["id"] for claim in connection.ask("GET", "/v1/claims")[1]["claims"]]

    # A lock on the ledger keeps the claim from being written until the client has disconnected. A request that the daemon
    # has not read by then makes no claim: try again.
    while not notes() and time.monotonic() < end:
        ledger.execute("BEGIN IMMEDIATE")
        one = Connection(daemon.socket)
        one.request("POST", "/v1/claims", request, {"Content-Type": "application/json"})
        time.sleep(0.5)
        one.close()
        ledger.execute("COMMIT")
        time.sleep(0.5)
    while set(notes()) & set(live()) and time.monotonic() < end:
        time.sleep(0.05)
    ledger.close()
    good = checked(notes() and not set(notes()) & set(live()), "the claim of a client that disconnected is released", f"{notes()} {live()}")
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(daemon.socket)
        wire.sendall(f"POST /v1/claims HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request)}\r\n\r\n{request}".encode())
        wire.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        claim = json.loads(answer.read())["claims"][0]["id"]
    return good & checked(claim in live(), "the claim of a client that still reads stays", f"{claim} is not among {live()}")


def main():
    built = sys.argv[1]
    # The same limit as in the systemd unit; the daemon inherits it.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        daemon = Daemon(built, place)
        good = wrong_requests(daemon.socket)
        good &= mutated(daemon.socket)
        good &= crowd(daemon)
        good &= gone_before_the_answer(daemon)
        connection = Connection(daemon.socket)
        good &= checked(connection.ask("GET", "/v1/health")[0] == 200, "the daemon still answers")
        for claim in connection.ask("GET", "/v1/claims")[1]["claims"]:
            connection.ask("POST", "/v1/claims/release", {"claims": [claim["id"]]})
        good &= checked(daemon.stop() == 0, "the daemon exits with 0 after all of it")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
