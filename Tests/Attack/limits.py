# SPDX-License-Identifier: GPL-3.0-or-later
"""How much: root's own door, the limits of a user, deadlines, and streams whose clients are gone."""
import json
import stat
import time

from crowd import Crowd, request
from documents import VICTIM, WHOLE_HOST, device, domain
from harness import MEMORY_LIMIT, PATIENCE, Host, Place, case, done, refused, until
from people import ALICE, BOB, MALLORY, ROOT, STRANGER, VICTOR

HALF = {
    "send nothing": b"", "send half a line": b"GET /v1/hea", "send half a head": b"GET /v1/health HTTP/1.1\r\nHost: x\r\n",
    "send half a body": b"POST /v1/claims HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{",
    "send half a chunk": b"POST /v1/claims HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n{",
}
# More than the limit of all connections of the daemon before root had a door of its own.
MANY = 12_100


# MARK: - Root's own door

@case("root's own door is a socket of mode 0600 that lets nobody else in")
def own_door():
    with Host.shared() as host:
        found = host.admin.stat()
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600 and found.st_uid == 0, oct(found.st_mode)
        for user in (MALLORY, VICTOR, STRANGER):
            try:
                user.connected(str(host.admin), 2).close()
            except PermissionError:
                continue
            raise AssertionError(f"{user.name} came in")


@case("root's own door serves all that the other does")
def through_own_door():
    with Host() as host:
        done(host.get("health", admin=True))
        claim = done(host.post("claims", {"pool": "data", "owner": f"domain:{VICTIM}"}, admin=True)).json["claims"][0]
        done(host.hook(domain(VICTIM, device("data1")), admin=True))
        done(host.post("claims/release", {"claims": [claim["id"]]}, admin=True))
        at_door = {"BUSLANE_SOCKET": str(host.admin)}
        assert host.run("buslane", "claims", env=at_door).returncode == 0
        ended = host.run("buslane-hook", "victim", "release", "end", "-", stdin=domain(VICTIM, device("data1")), env=at_door)
        assert ended.returncode == 0, ended


@case("root's own door is gone when the daemon has ended, and made anew after a crash")
def door_after_crash():
    with Host() as host:
        host.stop(9)
        host.start()
        done(host.get("health", admin=True))
        host.stop()
        assert not host.admin.exists() and not host.socket.exists()
        host.start()


@case("root and others are served beside a member's 12,100 connections that", HALF)
def crowded(text):
    with Host() as host, Crowd(host, MALLORY, MANY, text, byte=text[-1:]):
        done(host.get("health", by=ALICE))
        done(host.post("claims", {"pool": "data"}, by=ALICE))
        done(host.get("health", admin=True))
        done(host.hook(domain(VICTIM, device()), admin=True))


# MARK: - A user's limits

@case("a user's connections have a limit, which others do not feel")
def connections():
    with Host.shared() as host, Crowd(host, MALLORY, 3000, request("GET", "health")) as crowd:
        found = crowd.statuses()
        assert found[200] >= 8, f"a normal number is too much: {found}"
        assert found[429] > 0, f"no 429 in {found}"
        assert set(found) <= {200, 408, 429, 0}, found
        done(host.get("health", by=ALICE))


ROUTES = {
    "waiting claims": request("POST", "claims/wait", b'{"pool": "data", "waitSeconds": 600}'),
    "streams of events": request("GET", "events/follow"),
    "streams of server-sent events": request("GET", "events/follow", Accept="text/event-stream"),
    "streams of changes": request("GET", "inventory/changes"),
}


@case("a user's limit that others do not feel is on", ROUTES)
def streams(text):
    with Host() as host:
        host.claim(count=16)
        with Crowd(host, MALLORY, 120, text) as crowd:
            done(host.get("health"))
            host.post("recover", {"address": "0000:ff:00.0"})  # an event, with which the heads of streams are sent
            found = crowd.statuses(3)
            assert found[429] > 0, f"no 429 in {found}"
            assert found[200] > 0, f"none is served: {found}"
            with Crowd(host, ALICE, 1, text) as other:
                host.post("recover", {"address": "0000:ff:00.1"})
                assert other.statuses()[200] == 1, "another user's is refused too"


@case("300 plans of one user at once are answered or refused with 429, and others are served")
def in_flight():
    with Host.shared() as host, Crowd(host, MALLORY, 300, request("POST", "plan", b'{"confirmed": false}')) as crowd:
        done(host.get("health", by=ALICE))
        found = crowd.statuses(60)
        assert set(found) <= {200, 429, 0} and found[200] > 0, found


@case("the command line ends with 75 at a limit, and with one clear error")
def exit_code():
    with Host.shared() as host, Crowd(host, MALLORY, 3000, request("GET", "health")):
        ended = host.run("buslane", "pools", by=MALLORY)
        assert ended.returncode == 75 and ended.stderr.startswith("error: ") and "fix: " in ended.stderr, ended
        ended = host.run("buslane", "pools", "--json", by=MALLORY)
        assert ended.returncode == 75 and json.loads(ended.stderr or ended.stdout)["error"]["code"], ended
        assert host.run("buslane", "pools", by=ALICE).returncode == 0


@case("bodies that never end are held within the memory's limit,", {
    "of one user": [MALLORY], "of three users": [MALLORY, ALICE, BOB], "in chunks": [MALLORY, None]})
def bodies(users):
    big = 7 << 20
    head = request("POST", "plan", Content_Length=big + 1)
    body = b" " * big
    if None in users:
        head, body = request("POST", "plan", Transfer_Encoding="chunked"), f"{big + 1:x}\r\n".encode() + body
    with Host() as host:
        crowds = [Crowd(host, user, 64, head + body) for user in users if user]
        try:
            assert host.memory() < MEMORY_LIMIT, f"{host.memory() >> 20} MiB"
            done(host.get("health", by=VICTOR))
            done(host.get("health"))
        finally:
            for crowd in crowds:
                crowd.__exit__()


@case("answers that nobody reads are held within the memory's limit")
def unread():
    with Host(WHOLE_HOST, tree=Place.large) as host:
        done(host.get("inventory"))
        with Crowd(host, MALLORY, 64, request("GET", "inventory") * 200):
            done(host.get("health", by=ALICE))
            assert host.memory() < MEMORY_LIMIT, f"{host.memory() >> 20} MiB"


@case("a request of 64 devices is judged, one of 65 is malformed")
def devices():
    def asked(count):
        return {"devices": [{"pool": "other", "name": f"d{number}"} for number in range(count)]}
    with Host.shared() as host:
        for route, more in (("claims", {}), ("claims/wait", {"waitSeconds": 1})):
            assert host.post(route, asked(64) | more, by=MALLORY).status != 400
            refused(host.post(route, asked(65) | more, by=MALLORY), 400)
            refused(host.post(route, asked(20_000) | more, by=MALLORY), 400)


XML_ROUTES = {"inject": lambda host, xml: host.post("domains/inject", {"xml": xml}), "the hook": lambda host, xml: host.hook(xml)}


@case("a domain of too many devices is refused at once by", {
    f"{route}, {count}, {binding}": (route, count, binding)
    for route in XML_ROUTES for count in (65, 20_000) for binding in ("defined", "running")})
def domain_devices(asked):
    route, count, binding = asked
    with Host.shared(WHOLE_HOST, Place.large) as host:
        refused(XML_ROUTES[route](host, domain(VICTIM, *(device(f"d{n}") for n in range(count)), binding=binding)), 400, 409, 422)
        assert not host.get("claims").json["claims"]


# MARK: - Deadlines and streams

@case("a request that comes a byte every two seconds is ended")
def deadline():
    with Host() as host:
        crowds = {name: Crowd(host, MALLORY, 1, text, byte=text[-1:]) for name, text in HALF.items() if text}
        yield
        for name, crowd in crowds.items():
            assert crowd.statuses(90).keys() <= {0, 408, 400, 429}, f"a client that began to {name} is still waited for"
            crowd.__exit__()


@case("a stream ends with its client:", {**ROUTES, "steps of an apply": None})
def stream_ends(text):
    by, text = (MALLORY, text) if text else (ROOT, request("POST", "apply/steps", b'{"confirmed": true}'))
    with Host() as host:
        host.claim(count=16)
        # The first round opens what stays, such as connections to the ledger.
        sockets = host.sockets
        with Crowd(host, by, 4, text):
            done(host.get("health"))
        until(lambda: host.sockets <= sockets, PATIENCE, "the clients' connections stay")
        before = host.descriptors
        for _ in range(3):
            with Crowd(host, by, 4, text):
                done(host.get("health"))
        until(lambda: host.descriptors <= before + 2, PATIENCE, "descriptors stay open")


@case("a waiting claim whose client is gone keeps nothing from others")
def waiter_gone():
    with Host() as host:
        host.claim(count=15)
        Crowd(host, MALLORY, 1, request("POST", "claims/wait", b'{"pool": "data", "count": 2, "waitSeconds": 600}')).__exit__()
        until(lambda: host.post("claims", {"pool": "data"}, by=ALICE).status == 200, PATIENCE, "the last function is still kept")


@case("500 waiting clients cost little while nothing happens")
def quiet_waiters():
    with Host() as host:
        host.claim(count=16)
        text = ROUTES["waiting claims"]
        crowds = [Crowd(host, user, 170, text) for user in (MALLORY, ALICE, BOB)]
        try:
            until(lambda: host.get("health").status == 200, 60, "the daemon does not answer beside waiting clients")
            before = host.processor_seconds
            time.sleep(4)
            used = host.processor_seconds - before
            assert used < 2, f"{used:.1f} processor seconds in four"
        finally:
            for crowd in crowds:
                crowd.__exit__()
