# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may: owners, domains, exclusivity at the start, quotas and settings."""
import documents
from documents import FIREWALL, VICTIM, device, domain, hostdev, interface, pf, vf
from harness import Host, case, done, refused
from people import ALICE, BOB, MALLORY, ROOT, STRANGER, VICTOR

OTHERS = {
    "a domain by its UUID": f"domain:{VICTIM}",
    "a domain by its UUID in capitals": f"domain:{VICTIM.upper()}",
    "a domain by its name": "domain:victim",
    "a domain that does not exist": "domain:nobody",
    "a unit": "unit:dpdk.service",
    "a process of root": "pid:1",
    "a process of root's as the ledger names it": "process:1@7",
    "another user": f"uid-{ALICE.uid}",
    "root": "uid-0",
}


@case("a member cannot claim for", OTHERS)
def claim_for(owner):
    with Host.shared() as host:
        refused(host.post("claims", {"pool": "data", "owner": owner}, by=MALLORY), 403)
        assert not host.get("claims").json["claims"]


@case("a member cannot wait for a claim of", OTHERS)
def wait_for(owner):
    with Host.shared() as host:
        refused(host.post("claims/wait", {"pool": "data", "owner": owner, "waitSeconds": 1}, by=MALLORY), 403)


@case("a member learns nothing by explaining for", OTHERS)
def explain_for(owner):
    with Host.shared() as host:
        refused(host.post("claims/explain", {"pool": "data", "owner": owner}, by=MALLORY), 403)


@case("a member cannot release what is held by", {
    key: owner for key, owner in OTHERS.items() if owner != "domain:nobody"})
def release_of(owner):
    with Host.shared() as host:
        claim = host.claim(owner=owner)
        refused(host.post("claims/release", {"claims": [], "owner": owner}, by=MALLORY), 403)
        refused(host.post("claims/release", {"claims": [claim["id"]]}, by=MALLORY), 403)
        refused(host.post("claims/renew", {"claims": [claim["id"]]}, by=MALLORY), 403)
        assert host.get("claims").json["claims"][0]["state"] == "bound"


@case("a member may claim, wait, explain and release for", {
    "no owner": None, "its own number": f"uid-{MALLORY.uid}", "a plain name": "my-router", "its own name": "mallory"})
def own(owner):
    with Host.shared() as host:
        asked = {"pool": "data"} | ({"owner": owner} if owner else {})
        done(host.post("claims", asked, by=MALLORY))
        done(host.post("claims/explain", asked, by=MALLORY))
        waited = done(host.post("claims/wait", asked | {"waitSeconds": 5}, by=MALLORY))
        assert '"made"' in waited.text, waited
        released = done(host.post("claims/release", {"claims": [], "owner": owner or f"uid-{MALLORY.uid}"}, by=MALLORY))
        assert len(released.json["claims"]) == 2, released


@case("a plain name of one member is not another's: ", {"claimed": "claims", "waited for": "claims/wait"})
def plain_name(route):
    with Host.shared() as host:
        claim = host.claim(by=ALICE, owner="router")
        refused(host.post("claims/release", {"claims": [], "owner": "router"}, by=MALLORY), 403)
        more = {"waitSeconds": 1} if route.endswith("wait") else {}
        answer = host.post(route, {"pool": "data", "owner": "router", **more}, by=MALLORY)
        assert answer.status == 403 or "not-permitted" in answer.text, answer
        assert [one["id"] for one in host.get("claims").json["claims"]] == [claim["id"]]


@case("a manager of domains may claim for a domain")
def manager():
    with Host.shared() as host:
        for name in (VICTIM, "victim"):
            done(host.post("claims", {"pool": "data", "owner": f"domain:{name}"}, by=VICTOR))
        refused(host.post("claims", {"pool": "data", "owner": "unit:dpdk.service"}, by=VICTOR), 403)
        refused(host.post("claims", {"pool": "data", "owner": f"uid-{ALICE.uid}"}, by=VICTOR), 403)


@case("who is in no group cannot even connect")
def stranger():
    with Host.shared() as host:
        for path in (host.socket, host.admin):
            try:
                STRANGER.connected(str(path), 2).close()
            except PermissionError:
                continue
            raise AssertionError(f"connected to {path.name}")


DOCUMENTS = {
    "a domain with a request": domain(VICTIM, device()),
    "a domain without one": domain(VICTIM),
    "a broken document": "<domain><name>victim",
    "no document": "",
    "20,000 devices": domain(VICTIM, *(device(f"d{number}") for number in range(20_000))),
    "a name of 5 MiB": domain(VICTIM, device(), name="x" * (5 << 20)),
}


@case("a member's inject is refused before its XML is read:", DOCUMENTS)
def inject(xml):
    with Host.shared() as host:
        claim = host.claim(owner=f"domain:{VICTIM}", name="data0")
        answer = host.post("domains/inject", {"xml": xml}, by=MALLORY)
        refused(answer, 403)
        assert claim["assignments"][0]["address"] not in answer.text and len(answer.text) < 2000, len(answer.text)


@case("a member's call of the hook is refused before its XML is read:", DOCUMENTS)
def member_hook(xml):
    with Host.shared() as host:
        answer = host.hook(xml, by=MALLORY)
        refused(answer, 403)
        assert len(answer.text) < 2000, len(answer.text)


@case("a member cannot change domains:", {
    name: name for name in ("attach", "detach", "evict", "readmit", "start", "sync")})
def change(verb):
    with Host.shared() as host:
        refused(host.post(f"domains/{verb}", {"domain": "victim"}, by=MALLORY), 403)


@case("only root may", {
    "apply": ("apply", {"confirmed": True}), "apply by steps": ("apply/steps", {"confirmed": True}),
    "recover": ("recover", {"address": vf(0, 0)}), "rebind": ("claims/rebind", {"claim": "c1", "here": True}),
    "back the ledger up": ("ledger/backup", {}), "restore the ledger": ("ledger/restore", {"path": "/etc/passwd", "force": True})})
def root_alone(asked):
    with Host.shared() as host:
        for user in (MALLORY, VICTOR):
            refused(host.post(*asked, by=user), 403)


@case("a claim serves a domain's request only if it is of the", {
    "pool": ({"pool": "other"}, {}), "node": ({"numa": "required:0"}, {"numa": "required:1"})})
def claim_of_request(asked):
    claimed, request = asked
    with Host.shared() as host:
        wrong = host.claim(owner=f"domain:{VICTIM}", name="data0", **claimed)["assignments"][0]["address"]
        answer = host.post("domains/inject", {"xml": domain(VICTIM, device(**request), binding="defined")})
        assert answer.status in (200, 409, 503), answer
        if answer.status == 200:
            taken = [one["address"] for one in answer.json["devices"]]
            assert wrong not in taken, f"the domain got {wrong}, which is not what it asks for"


# MARK: - Exclusivity at the start

PLAIN = {
    "a plain hostdev": hostdev, "a hostdev that is not managed": lambda address: hostdev(address, managed="no"),
    "an address in decimal": lambda address: hostdev(address, form="{:d}"),
    "an address in capitals": lambda address: hostdev(address, form="0x{:04X}"),
    "an address in octal": lambda address: hostdev(address, form="0{:o}"),
    "an address by character references": lambda address: hostdev(address).replace("bus='0x", "bus='&#48;&#x78;"),
    "an address without its segment": lambda address: hostdev(address).replace(" domain='0x0'", ""),
    "an interface": interface,
    "an attribute that comes first": lambda address: hostdev(address).replace("<address type='pci'", "<address"),
}
MARKS = {"with no mark": (), "with a request as well": (device("data1"),)}


@case("a start is refused that names another's function by", {
    f"{form}, {mark}": (PLAIN[form], MARKS[mark]) for form in PLAIN for mark in MARKS})
def foreign(asked):
    form, request = asked
    with Host.shared() as host:
        taken = host.claim(by=ALICE)["assignments"][0]["address"]
        refused(host.hook(domain(FIREWALL, *request, inside=form(taken)), name="firewall"), 409, 403)
        assert len(host.get("claims").json["claims"]) == 1, "a claim is left"


@case("a start is refused that names in a plain hostdev", {
    "a function in quarantine": lambda host: vf(1, 3), "the PF of another's VF": lambda host: pf(0)})
def withheld(which):
    with Host() as host:
        host.claim(by=ALICE)
        host.stop()
        host.sql("INSERT INTO quarantine (address, reason, since) VALUES (?, 'a test', 0)", vf(1, 3))
        host.start()
        for request in MARKS.values():
            refused(host.hook(domain(FIREWALL, *request, inside=hostdev(which(host))), name="firewall"), 409, 403)


@case("a start passes that names", {
    "a function of nobody": hostdev(vf(2, 5)), "no PCI device": "", "its own claim": None})
def own_device(inside):
    with Host() as host:
        mine = host.claim(owner=f"domain:{FIREWALL}", name="data0")["assignments"][0]["address"]
        done(host.hook(domain(FIREWALL, inside=hostdev(mine) if inside is None else inside), name="firewall"))


@case("another domain of the same name is another owner at its start")
def namesake():
    with Host.shared() as host:
        mine = host.claim(owner=f"domain:{VICTIM}", name="data0")["assignments"][0]["address"]
        marked = hostdev(mine).replace("<source>", "<alias name='ua-buslane-data0'/><source>")
        refused(host.hook(domain(FIREWALL, inside=marked, name="victim"), name="victim"), 409, 403)


@case("the real hook refuses a domain without marks that names another's function")
def real_hook():
    with Host.shared() as host:
        taken = host.claim(by=ALICE)["assignments"][0]["address"]
        ended = host.run("buslane-hook", "firewall", "prepare", "begin", "-", stdin=domain(FIREWALL, inside=hostdev(taken)))
        assert ended.returncode != 0 and taken in ended.stderr, ended


# MARK: - Quotas and settings

@case("a quota of 2 functions refuses", {
    "3 in one claim": [{"count": 3}], "3 devices": [{"devices": [{"pool": "few", "name": f"d{n}"} for n in range(3)]}],
    "1 after 2": [{"count": 2}, {}], "3 claims of owners of one's own": [{"owner": "a"}, {"owner": "b"}, {"owner": "c"}],
    "16 in one claim": [{"count": 16}]})
def quota(requests):
    with Host.shared() as host:
        answers = [host.post("claims", request if "devices" in request else {"pool": "few", **request}, by=MALLORY) for request in requests]
        refused(answers[-1], 409, 503, 403, code="quota-reached")
        for answer in answers[:-1]:
            done(answer)
        held = [one for claim in host.get("claims").json["claims"] for one in claim["assignments"]]
        assert len(held) <= 2, f"{len(held)} functions held"


@case("nobody else's claims use up one's quota", {"by a plain name": f"uid-{BOB.uid}", "by a domain": f"domain:{VICTIM}"})
def charged(owner):
    with Host.shared() as host:
        for _ in range(2):
            host.post("claims", {"pool": "few", "owner": owner}, by=MALLORY)
        host.post("claims/release", {"claims": []}, by=MALLORY)
        by, asked = (ROOT, {"owner": owner}) if owner.startswith("domain:") else (BOB, {})
        done(host.post("claims", {"pool": "few", "count": 2, **asked}, by=by))


@case("a pool gives by default no", {
    "trust": {"trust": True}, "end of spoof checks": {"spoofCheck": False}, "guaranteed rate": {"minTxRate": 1000}})
def default_settings(wanted):
    with Host.shared() as host:
        not_to_choose(host, wanted)


LIMITED = """physicalFunctions: []
pools:
  - name: data
    select: { kinds: [virtual-function] }
    choices: { vlans: "100-199,300", mac: false }
    defaults: { maxTxRate: 1000, vlan: 100 }
"""


@case("a pool of limited choices gives no", {
    "VLAN outside": {"vlan": 5}, "VLAN outside with a priority": {"vlan": 200, "qos": 7},
    "outer VLAN": {"vlan": 100, "vlanProtocol": "802.1ad"}, "MAC address": {"mac": "52:54:00:00:00:01"},
    "higher rate": {"maxTxRate": 5000}, "end of its rate": {"maxTxRate": 0}, "trust": {"trust": True}})
def limited_settings(wanted):
    with Host.shared(LIMITED) as host:
        not_to_choose(host, wanted)
        # The synthetic host's cards set nothing: a request that is let through fails at that.
        for allowed in ({}, {"vlan": 150}, {"vlan": 300}, {"maxTxRate": 500}):
            refused(host.post("claims", {"pool": "data", **allowed}, by=MALLORY), 409, code="settings-not-enforced")


def not_to_choose(host, wanted):
    for request in ({"pool": "data", **wanted}, {"devices": [{"pool": "data", "name": "d0", **wanted}]}):
        refused(host.post("claims", request, by=MALLORY), 403)
        waited = host.post("claims/wait", {**request, "waitSeconds": 1}, by=MALLORY)
        assert waited.status == 403 or "not-permitted" in waited.text, waited
    refused(host.post("claims", {"pool": "data", **wanted}), 409, code="settings-not-enforced")
