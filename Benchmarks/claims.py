#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a durable claim and its release cost through the daemon's socket: claims.py FOLDER BUILT ROUNDS

Run in namespaces of its own, where the folder's sysfs takes the place of the kernel's. Prints JSON: seconds of one SQLite
commit on the same disk with the same durability, of the ledger's part of a claim with its release, of a request that asks for
next to nothing, of a claim with its release by one client, how many of them a second one client and 64 get, and the daemon's
anonymous memory with a thousand claims.
"""
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../Tests/Concurrency")
from client import POOL, Connection, Daemon  # noqa: E402

WARMING, COMMITS, CLIENTS, SECONDS, CLAIMS = 1200, 200, 64, 2, 1000


@contextmanager
def commits(place):
    """How to have the seconds of each of many commits of one row. Source: the ledger's own settings, WAL and synchronous=FULL.

    In steady state, like the daemon: its log was full once, and is written anew from its beginning. While the log still
    grows a commit costs two to three times as much.
    """
    with tempfile.TemporaryDirectory(dir=place) as folder:
        ledger = sqlite3.connect(f"{folder}/floor.sqlite", isolation_level=None)
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("PRAGMA synchronous = FULL")
        ledger.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
        committing(ledger, WARMING)
        yield lambda: committing(ledger, COMMITS)
        ledger.close()


def committing(ledger, many):
    times = []
    for _ in range(many):
        began = time.perf_counter()
        ledger.execute("INSERT INTO row (text) VALUES (?)", ("a claim of one function for one owner " * 4,))
        times.append(time.perf_counter() - began)
    return times


def ledger_alone(built, place):
    """Seconds of the writes that a claim and its release are in the ledger, without a host and without a socket."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return float(subprocess.check_output([f"{built}/planning-benchmark", "--ledger", f"{folder}/ledger.sqlite"]))


def cycles(clients, daemon, many, seconds):
    """Seconds of each cycle of so many clients; of 0, of each answer to one that only asks for the daemon's health."""
    line = [clients, daemon.socket, POOL, str(many), str(seconds)]
    return [int(nanoseconds) / 1e9 for nanoseconds in subprocess.check_output(line, text=True).split()]


def main():
    _, built, rounds = sys.argv[1:]
    # On a disk: in memory a commit costs nothing.
    with tempfile.TemporaryDirectory(dir=os.environ.get("BUSLANE_BENCHMARK_DISK", "/var/tmp")) as place, commits(place) as committed:
        clients = f"{place}/clients"
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-pthread", "-o", clients, f"{HERE}/clients.c"], check=True)
        daemon = Daemon(built, place)
        cycles(clients, daemon, 1, 1)  # warm
        floor, written, one, empty, rates = [], [], [], [], []
        # In turn: what else the machine does shall slow down all of them.
        for _ in range(int(rounds)):
            floor += committed()
            written.append(ledger_alone(built, place))
            empty += cycles(clients, daemon, 0, 0.5)
            alone = cycles(clients, daemon, 1, SECONDS)
            one += alone
            many = cycles(clients, daemon, CLIENTS, SECONDS)
            rates.append((1 / statistics.mean(alone), len(many) / SECONDS))
            floor += committed()
        connection = Connection(daemon.socket)
        for number in range(CLAIMS):
            status, answer = connection.ask("POST", "/v1/claims", {"pool": POOL, "count": 1, "owner": f"owner-{number}"})
            assert status == 200, answer
        memory = daemon.anonymous_memory()
        daemon.stop()
    one.sort()
    print(json.dumps({
        "commit": statistics.median(floor), "ledger": statistics.median(written),
        "request": statistics.median(empty), "cycle": statistics.median(one),
        "p99": one[int(len(one) * 0.99)], "rateOfOne": statistics.median(alone for alone, _ in rates),
        "rateOfMany": statistics.median(many for _, many in rates), "memory": memory,
    }))


if __name__ == "__main__":
    main()
