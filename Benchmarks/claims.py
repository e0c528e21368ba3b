#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a durable claim and its release cost through the daemon's socket: claims.py FOLDER BUILT

Run in namespaces of its own, where the folder's sysfs takes the place of the kernel's. Prints JSON: seconds of one SQLite
commit on the same disk with the same durability, of a claim with its release by one client, how many of them a second one
client and 64 get, and the daemon's anonymous memory with a thousand claims.
"""
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../Tests/Concurrency")
from client import POOL, Connection, Daemon  # noqa: E402

ROUNDS, CLIENTS, SECONDS, CLAIMS = 400, 64, 10, 1000


def commits(place):
    """Seconds of each of many commits of one row. Source: the ledger's own settings, WAL and synchronous=FULL."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return committing(sqlite3.connect(f"{folder}/floor.sqlite", isolation_level=None))


def committing(ledger):
    ledger.execute("PRAGMA journal_mode = WAL")
    ledger.execute("PRAGMA synchronous = FULL")
    ledger.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        ledger.execute("INSERT INTO row (text) VALUES (?)", ("a claim of one function for one owner " * 4,))
        times.append(time.perf_counter() - began)
    return times


def cycle(connection, owner):
    status, answer = connection.ask("POST", "/v1/claims", {"pool": POOL, "count": 1, "owner": owner})
    assert status == 200, answer
    status, answer = connection.ask("POST", "/v1/claims/release", {"claims": [answer["claims"][0]["id"]]})
    assert status == 200, answer


def alone(daemon):
    connection = Connection(daemon.socket)
    times = []
    for number in range(ROUNDS + 20):
        began = time.perf_counter()
        cycle(connection, "bench")
        times.append(time.perf_counter() - began)
    return times[20:]


def together(daemon, seconds):
    """Cycles a second of many clients, each a process: one interpreter would be the limit."""
    program = (
        "import sys, time; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "import claims, client\n"
        "connection, end, done = client.Connection(sys.argv[3]), time.time() + float(sys.argv[4]), 0\n"
        "while time.time() < end:\n"
        "    claims.cycle(connection, sys.argv[5]); done += 1\n"
        "print(done)\n")
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", program, HERE, f"{HERE}/../Tests/Concurrency", daemon.socket, str(seconds), f"bench-{number}"],
            stdout=subprocess.PIPE, text=True)
        for number in range(CLIENTS)]
    return sum(int(client.communicate()[0]) for client in clients) / seconds


def main():
    _, built = sys.argv[1:]
    # On a disk: in memory a commit costs nothing.
    with tempfile.TemporaryDirectory(dir=os.environ.get("BUSLANE_BENCHMARK_DISK", "/var/tmp")) as place:
        daemon = Daemon(built, place)
        floor = commits(place)
        one = alone(daemon)
        floor += commits(place)
        many = together(daemon, SECONDS)
        connection = Connection(daemon.socket)
        for number in range(CLAIMS):
            status, answer = connection.ask("POST", "/v1/claims", {"pool": POOL, "count": 1, "owner": f"owner-{number}"})
            assert status == 200, answer
        memory = daemon.anonymous_memory()
        daemon.stop()
    one.sort()
    print(json.dumps({
        "commit": statistics.median(floor), "cycle": statistics.median(one), "p99": one[int(len(one) * 0.99)],
        "rateOfOne": 1 / statistics.mean(one), "rateOfMany": many, "memory": memory,
    }))


if __name__ == "__main__":
    main()
