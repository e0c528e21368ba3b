# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue is fair: what can never be is refused, starts go first, and nothing is kept for those who cannot have it."""
import json
import re

from crowd import Crowd, request
from documents import VICTIM, device, domain
from harness import Host, case, done, until
from people import ALICE, BOB, MALLORY

DAY = 86_400
NEVER = {
    "more than the pool has": {"count": 17}, "more than any pool has": {"count": 65_536},
    "more than its quota": {"pool": "few", "count": 3}, "a node that there is not": {"numa": "required:7"},
    "more than the node has": {"numa": "required:0", "count": 9}, "more PFs than there are": {"spread": "pf", "count": 2},
    "more devices than the pool has": {"devices": [{"pool": "data", "name": f"d{n}"} for n in range(17)]},
    "more devices than its quota": {"devices": [{"pool": "few", "name": f"d{n}"} for n in range(3)]},
    "two devices of one name": {"devices": [{"pool": "data", "name": "d"}] * 2},
    "a pool that it may not use": {"pool": "shared"},
    "a pool that it may not use among others": {"devices": [{"pool": "data", "name": "a"}, {"pool": "shared", "name": "b"}]},
    "a setting that the cards do not have": {"vlan": 5},
}


def asked(wanted, seconds=DAY):
    base = {} if "devices" in wanted or "pool" in wanted else {"pool": "data"}
    return {**base, **wanted, "waitSeconds": seconds}


def refused_at_once(host, wanted):
    """That the answer's only line is an error. The daemon sends a line a second while the request waits."""
    body = json.dumps(asked(wanted)).encode()
    with Crowd(host, MALLORY, 1, request("POST", "claims/wait", body, Connection="close")) as one:
        wire, text = one.wires[0].makefile("rb"), ""
        while '"error"' not in text:
            line = wire.readline().decode()
            assert line and '"before"' not in line and '"made"' not in line, f"it waits: {line}"
            text += line


@case("a member does not wait for what can never be:", NEVER)
def never(wanted):
    with Host.shared() as host:
        refused_at_once(host, wanted)
        assert host.post("claims", {"pool": "data"}, by=ALICE).status == 200


@case("a member does not wait for what can never be, while others hold the rest:", {
    key: value for key, value in NEVER.items() if value.get("pool") != "few"})
def never_beside_others(wanted):
    # The same while something is missing anyway: the reason that passes must not hide the one that does not.
    with Host.shared() as host:
        host.claim(count=15)
        refused_at_once(host, wanted)


class Waiter(Crowd):
    """One that waits, and whose request is in the queue."""

    def __init__(self, host, by, wanted):
        super().__init__(host, by, 1, request("POST", "claims/wait", json.dumps(asked(wanted)).encode()))
        self.lines = self.wires[0].makefile("r")
        until(lambda: re.search("before|error|made", self.lines.readline()), 15, "it is not queued")

    def __exit__(self, *error):
        self.lines.close()
        super().__exit__(*error)


@case("a start goes before those who wait", {"for few": {"count": 2}, "for the whole pool": {"count": 16}})
def start_first(wanted):
    with Host() as host:
        host.claim(count=15)
        with Waiter(host, MALLORY, wanted):
            done(host.hook(domain(VICTIM, device())))


@case("nothing is kept for a waiter beyond its quota")
def beyond_quota():
    with Host.shared() as host:
        done(host.post("claims", {"pool": "few", "count": 2}, by=MALLORY))
        with Waiter(host, MALLORY, {"pool": "few", "count": 2}):
            for user in (ALICE, BOB):
                done(host.post("claims", {"pool": "few", "count": 2}, by=user))
            # The quota holds for each owner, also of root's claims.
            for number in range(5):
                done(host.post("claims", {"pool": "few", "count": 2, "owner": f"o{number}"}))


@case("who waits gets nothing from a pool that it may not use any more")
def right_taken_away():
    with Host() as host:
        claim = host.claim(count=16)
        with Waiter(host, MALLORY, {}) as waiter:
            file = host.etc / "buslane.yaml"
            file.write_text(file.read_text().replace("  - name: shared", "    allow: { users: [alice] }\n  - name: shared", 1))
            until(lambda: host.post("claims", {"pool": "data"}, by=MALLORY).status == 403, 15, "the configuration is not read")
            done(host.post("claims/release", {"claims": [claim["id"]]}))
            until(lambda: re.search("made|error", line := waiter.lines.readline()) or not line, 15, "it still waits")
            assert all(claim["owner"] != f"uid-{MALLORY.uid}" for claim in host.get("claims").json["claims"]), "it was served"


@case("a request that is refused for good gives others what was kept for it")
def refused_for_good():
    with Host() as host:
        claim = host.claim(count=15)
        with Waiter(host, MALLORY, {"count": 16}) as waiter:
            host.etc.joinpath("buslane.yaml").write_text(host.etc.joinpath("buslane.yaml").read_text().replace("name: data", "name: gone"))
            until(lambda: host.post("claims", {"pool": "gone"}, by=ALICE).status == 200, 15,
                  f"the function is still kept: {host.post('claims', {'pool': 'gone'}, by=ALICE)}")
            assert waiter and claim


@case("who waits first is served first, and a later small request does not overtake")
def order():
    with Host.shared() as host:
        claim = host.claim(count=16)
        with Waiter(host, ALICE, {"count": 2}) as first, Waiter(host, BOB, {}) as second:
            done(host.post("claims/release", {"claims": [claim["id"]]}))
            for waiter in (first, second):
                until(lambda: "made" in waiter.lines.readline(), 15, "it was not served")
