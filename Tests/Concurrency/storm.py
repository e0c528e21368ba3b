#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients claim and release at once, die, and have their daemon killed under them: storm.py BUILT FOLDER

Run where FOLDER's sysfs takes the place of the kernel's. Says `ok` or `not ok` of what must be so at any time: no function
has two owners, a late release does not affect another owner, at the end all is released, and the audit trail is complete.
"""
import http.client
import random
import sqlite3
import sys
import tempfile
import threading
import time

from client import POOL, Connection, Daemon

CLIENTS, OPERATIONS, KILLS, SEED = 64, 20_000, 8, 20261124
LOST = (OSError, http.client.HTTPException)


class Tally:
    """What all clients together saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations = self.deaths = self.late = self.full = self.interrupted = 0
        self.held = []  # address, from, to, claim: surely held by one client
        self.wrong = []

    def add(self, **counts):
        with self.lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)

    @property
    def is_done(self):
        return self.operations >= OPERATIONS


class Client(threading.Thread):
    def __init__(self, number, path, tally):
        super().__init__(daemon=True)
        self.number, self.tally = number, tally
        self.random = random.Random(SEED + number)
        self.connection = Connection(path)
        self.life = 0
        self.old = []

    @property
    def owner(self):
        return f"client-{self.number}-{self.life}"

    def run(self):
        try:
            while not self.tally.is_done:
                self.turn()
            # The owners of earlier lives too: a request that one left behind may have been served after the release of its
            # claims.
            for self.life in range(self.life + 1):
                self.release({"owner": self.owner})
        except Exception as error:
            self.tally.wrong.append(f"client {self.number}: {error!r}")

    def turn(self):
        count = self.random.choice((1, 1, 2, 3, 9))
        request = {"pool": POOL, "count": count, "owner": self.owner}
        if self.random.random() < 0.02:
            return self.die("/v1/claims", request)
        try:
            status, answer = self.connection.ask("POST", "/v1/claims", request)
        except LOST:
            # The claim may have been made or not: release everything of this owner.
            self.tally.add(interrupted=1)
            return self.release({"owner": self.owner})
        if status == 503:
            self.tally.add(full=1)
            return time.sleep(0.002)
        if status != 200 or len(answer["claims"][0]["assignments"]) != count:
            raise ValueError(f"{status} {answer}")
        claim, begin = answer["claims"][0], time.monotonic()
        time.sleep(self.random.random() * 0.004)
        held = [(function["address"], begin, time.monotonic(), claim["id"]) for function in claim["assignments"]]
        with self.tally.lock:
            self.tally.held += held
            self.tally.operations += 2
        if self.random.random() < 0.02:
            return self.die("/v1/claims/release", {"claims": [claim["id"]]})
        self.release({"claims": [claim["id"]]})
        self.old.append(claim["id"])
        if self.random.random() < 0.05:
            # A claim that was released long ago, while another client has its function.
            self.release({"claims": [self.random.choice(self.old)]})
            self.tally.add(late=1)

    def die(self, route, request):
        try:
            self.connection.send_and_leave(route, request)
        except LOST:
            pass
        self.tally.add(deaths=1)
        # The next life of this client releases its claims.
        time.sleep(self.random.random() * 0.01)
        self.release({"owner": self.owner})
        self.life += 1

    def release(self, request):
        """Repeats the request until it is answered; a second release is a success."""
        while True:
            try:
                status, answer = self.connection.ask("POST", "/v1/claims/release", {"claims": [], **request})
            except LOST:
                time.sleep(0.05)
                continue
            if status == 200:
                return
            # The claim is still being made, by the request whose answer was not awaited.
            if status == 503:
                time.sleep(0.005)
                continue
            raise ValueError(f"release: {status} {answer}")


def overlaps(held):
    """Yields functions that two clients had at the same time."""
    last = {}
    for address, begin, end, claim in sorted(held, key=lambda entry: (entry[0], entry[1])):
        if address in last and begin < last[address][0] and claim != last[address][1]:
            yield f"{address} of {claim} and {last[address][1]}"
        last[address] = max(last.get(address, (0, "")), (end, claim))


def checked(condition, name, why=""):
    print(f"ok {name}" if condition else f"not ok {name}: {why}", flush=True)
    return bool(condition)


def main():
    built = sys.argv[1]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        daemon = Daemon(built, place)
        pool = Connection(daemon.socket).ask("GET", "/v1/pools")[1]["pools"][0]
        tally = Tally()
        clients = [Client(number, daemon.socket, tally) for number in range(CLIENTS)]
        began = time.monotonic()
        for client in clients:
            client.start()
        dice = random.Random(SEED)
        for number in range(KILLS):
            # Spread over the operations, so that the machine's speed does not matter.
            while tally.operations < OPERATIONS * (number + dice.random()) / (KILLS + 1) and not tally.wrong:
                time.sleep(0.005)
            daemon.kill()
            daemon.start()
        for client in clients:
            client.join(300)
        seconds = time.monotonic() - began
        good = checked(not tally.wrong, "every answer is in the contract", "; ".join(tally.wrong[:3]))
        stuck = sum(client.is_alive() for client in clients)
        good &= checked(stuck == 0, "every client finished", f"{stuck} did not")
        good &= finish(daemon, pool, tally, place)
        print(f"# seed {SEED}: {tally.operations} claims and releases by {CLIENTS} clients on {pool['total']} functions in "
              f"{seconds:.0f} s; {KILLS} kills of the daemon, {tally.deaths} deaths of clients, {tally.interrupted} requests "
              f"cut off, {tally.late} late releases, {tally.full} times all taken")
        sys.exit(0 if good else 1)


def finish(daemon, pool, tally, place):
    double = list(overlaps(tally.held))
    good = checked(not double, "no function ever had two owners", "; ".join(double[:3]))
    connection = Connection(daemon.socket)
    left = connection.ask("GET", "/v1/claims")[1]["claims"]
    good &= checked(not left, "no claim is left", str(left[:2]))
    now = connection.ask("GET", "/v1/pools")[1]["pools"][0]
    good &= checked(now["free"] == pool["total"], "every function is free again", f"{now['free']} of {pool['total']}")
    good &= checked(daemon.stop() == 0, "the daemon exits with 0")
    with sqlite3.connect(f"{place}/ledger.sqlite") as ledger:
        def one(sql):
            return ledger.execute(f"SELECT count(*) FROM {sql}").fetchone()[0]

        made = one("audit WHERE verb = 'allocate' AND result = 'done'")
        unfinished = one("audit WHERE verb = 'recover' AND detail = 'pending'")
        ended = one("audit WHERE verb = 'release' AND result = 'done'")
        recovered = one("audit WHERE verb = 'recover' AND subject GLOB 'c[0-9]*'")
        claims = one("claim")
        good &= checked(
            claims == made + unfinished == ended + recovered, "the audit trail adds up",
            f"{claims} claims, {made} made, {unfinished} unfinished, {ended} released, {recovered} released at a start")
        rest = one("assignment") + one("groupOwner") + one("intent") + one("quarantine")
        good &= checked(rest == 0, "nothing is left in the ledger", f"{rest} rows")
        good &= checked(ledger.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the ledger is sound")
    return good


if __name__ == "__main__":
    main()
