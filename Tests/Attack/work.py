# SPDX-License-Identifier: GPL-3.0-or-later
"""No work that grows faster than what is asked for: configurations, domains and a ledger of many claims."""
from crowd import Crowd, request
from documents import VICTIM, WHOLE_HOST, device, domain, hostdev, vf
from harness import MEMORY_LIMIT, Host, Place, case, done
from people import ALICE, MALLORY

EVERY = "{ kinds: [virtual-function] }"


def pools(count, more=""):
    return "pools:\n" + "".join(f"- {{name: p{n}, select: {EVERY}{more}}}\n" for n in range(count))


def laughs():
    return "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)) + "pools: *a9\n"


CONFIGURATIONS = {
    "20,000 exclusive pools": lambda: pools(20_000, ", exclusive: true"),
    "20,000 pools": lambda: pools(20_000),
    "20,000 pools of one name": lambda: "pools:\n" + f"- {{name: p, select: {EVERY}}}\n" * 20_000,
    "20,000 pools that select nothing": lambda: pools(20_000).replace("kinds", "serials"),
    "100,000 wrong keys": lambda: "pools:\n" + "".join(f"- {{nam{n}: x}}\n" for n in range(100_000)),
    "5,000 entries of one PF": lambda: "physicalFunctions:\n" + "- {select: {addresses: ['0000:01:00.0']}, vfCount: 2}\n" * 5_000,
    "5,000 entries that select nothing": lambda: "physicalFunctions:\n" + "".join(
        f"- {{select: {{addresses: ['0000:{n >> 8:02x}:{n & 31:02x}.0', '{n:04x}:ff:00.0']}}, vfCount: 2}}\n" for n in range(5_000)),
    "20,000 settings of single VFs": lambda: "physicalFunctions:\n- select: {addresses: ['0000:01:00.0']}\n  vfCount: 16\n  vfs:\n"
    + "  - {range: 1, vlan: 5}\n" * 20_000,
    "a range to the end of numbers": lambda: "physicalFunctions:\n- select: {addresses: ['0000:01:00.0']}\n  vfCount: 16\n  vfs:\n"
    "  - {range: '0-9223372036854775807', vlan: 5}\n",
    "VF indexes to the end of numbers": lambda: "pools:\n- {name: p, select: {vfs: ['0-9223372036854775807']}}\n",
    "VFs of a name to the end of numbers": lambda: "pools:\n- {name: p, select: {pfNames: ['eth0#0-4294967295']}}\n",
    "a list of 300,000 addresses": lambda: "pools:\n- {name: p, select: {addresses: [" + "'0000:01:02.0', " * 300_000 + "]}}\n",
    "a number of VFs of 400 digits": lambda: "physicalFunctions:\n- select: {addresses: ['0000:01:00.0']}\n  vfCount: " + "9" * 400 + "\n",
    "aliases of aliases": laughs,
    "100,000 lists in lists": lambda: "pools: " + "[" * 100_000 + "]" * 100_000 + "\n",
    "100,000 objects in objects": lambda: "pools: " + "{a: " * 100_000 + "}" * 100_000 + "\n",
    "a name of 7 MiB": lambda: "pools:\n- {name: " + "x" * (7 << 20) + ", select: {}}\n",
    "a key of 7 MiB": lambda: "pools:\n- {" + "x" * (7 << 20) + ": 1}\n",
    "one line of 7 MiB of colons": lambda: ":" * (7 << 20),
    "7 MiB of tabs": lambda: "\t" * (7 << 20),
    "200,000 documents": lambda: "--- {}\n" * 200_000,
}


@case("a plan is answered, and shortly, of", CONFIGURATIONS)
def plan(configuration):
    with Host.shared(WHOLE_HOST, Place.large) as host:
        answer = host.post("plan", {"confirmed": False, "configuration": {"file": "f.yaml", "text": configuration()}}, by=MALLORY)
        assert answer.status in (200, 400, 403, 409, 413, 422), answer
        assert len(answer.text) < 1 << 20, f"an answer of {len(answer.text) >> 10} KiB"
        done(host.get("health"))


@case("error lists say how many more there are")
def more_errors():
    with Host.shared() as host:
        text = CONFIGURATIONS["100,000 wrong keys"]()
        answer = host.post("plan", {"confirmed": False, "configuration": {"file": "f.yaml", "text": text}}, by=MALLORY)
        assert answer.status == 422 and len(answer.text) < 100_000, f"{answer.status}, {len(answer.text)} characters"
        assert "more" in answer.error["message"], answer


ASKED = device(numa="required:0")
NUMBERS = (2147483647, 4294967295, 9223372036854775807, 18446744073709551616, -1)
DOMAINS = {
    **{f"{n} vCPUs": {"besides": f"<vcpu>{n}</vcpu>"} for n in NUMBERS},
    **{f"vCPUs up to {n}": {"besides": f"<vcpu current='{n}'>{n}</vcpu>"} for n in NUMBERS[:2]},
    **{f"{n} vCPUs on CPUs by number": {"besides": f"<vcpu cpuset='0-{n}'>4</vcpu>"} for n in NUMBERS},
    **{f"a vCPU {n} pinned": {"besides": f"<vcpu>4</vcpu><cputune><vcpupin vcpu='{n}' cpuset='0'/></cputune>"} for n in NUMBERS},
    **{f"vCPUs pinned to CPU {n}": {"besides": f"<vcpu>4</vcpu><cputune><vcpupin vcpu='0' cpuset='1-{n}'/><emulatorpin cpuset='{n}'/></cputune>"} for n in NUMBERS},
    **{f"memory of nodes to {n}": {"besides": f"<vcpu>4</vcpu><numatune><memory mode='strict' nodeset='0-{n}'/></numatune>"} for n in NUMBERS},
    **{f"cell {n}": {"besides": f"<vcpu>4</vcpu><numatune><memnode cellid='{n}' mode='strict' nodeset='0'/></numatune>"
                     f"<cpu><numa><cell id='{n}' cpus='0-{n}' memory='{n}' unit='PiB'/></numa></cpu>"} for n in NUMBERS},
    "a million cells": {"besides": "<vcpu>4</vcpu><cpu><numa>" + "<cell id='0' cpus='0' memory='1'/>" * 100_000 + "</numa></cpu>"},
    "sockets times cores beyond all numbers": {"besides": "<vcpu>4</vcpu><cpu><topology sockets='4294967295' cores='4294967295' threads='4294967295'/></cpu>"},
    **{f"{n} PiB of memory": {"besides": f"<vcpu>4</vcpu><memory unit='PiB'>{n}</memory><currentMemory unit='EiB'>{n}</currentMemory>"} for n in NUMBERS},
    "huge pages of all sizes": {"besides": "<vcpu>4</vcpu><memoryBacking><hugepages>" + "".join(
        f"<page size='{n}' unit='EiB' nodeset='0-{n}'/>" for n in NUMBERS) + "</hugepages></memoryBacking>"},
    **{f"bus {n}": {"inside": f"<controller type='pci' index='{n}' model='pcie-expander-bus'><target busNr='{n}'><node>{n}</node></target></controller>"
                    f"<interface type='user'><address type='pci' bus='{n}' slot='{n}' function='{n}' domain='{n}'/></interface>"} for n in NUMBERS},
    **{f"a hostdev at bus {n}": {"inside": hostdev(vf(0, 0)).replace("bus='0x1'", f"bus='{n}'")} for n in NUMBERS},
    "100,000 elements in elements": {"inside": "<a>" * 100_000 + "</a>" * 100_000},
    "100,000 PCI devices": {"inside": hostdev(vf(0, 0)) * 30_000},
    "100,000 attributes": {"inside": "<a " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>"},
    "100,000 namespaces": {"inside": "".join(f"<a{n} xmlns:x='urn:{n}'/>" for n in range(100_000))},
    "a QEMU command line of 5 MiB": {"inside": "</devices><q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                                     + "<q:arg value='-device'/><q:arg value='vfio-pci,host=01:02.0'/>" * 60_000 + "</q:commandline><devices>"},
}
LAUGHS = "<!DOCTYPE domain [<!ENTITY a '" + "x" * 100 + "'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 20}'>" for a, b in zip("abcdefgh", "bcdefghi")) + "]>"
EXTERNAL = "<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@case("an inject and a start are answered for a domain of", {**DOMAINS, "entities of entities": LAUGHS, "a file outside": EXTERNAL})
def big_domain(parts):
    xml = parts + domain(VICTIM, ASKED, name="&i;" if parts is LAUGHS else "&a;") if isinstance(parts, str) else domain(VICTIM, ASKED, **parts)
    with Host.shared() as host:
        for binding in ("defined", "running"):
            text = xml.replace("binding='running'", f"binding='{binding}' align='auto'")
            for answer in (host.post("domains/inject", {"xml": text}), host.hook(text)):
                assert answer.status in (200, 400, 403, 409, 422, 503), answer
                assert "root:x:" not in answer.text
        done(host.get("health"))


@case("64 explanations of a large host at once stay within the memory's limit")
def explanations():
    body = b'{"pool": "data", "count": 200, "spread": "pf"}'
    with Host.shared(WHOLE_HOST, Place.large) as host, Crowd(host, MALLORY, 64, request("POST", "claims/explain", body)) as crowd:
        done(host.get("health", by=ALICE))
        assert set(crowd.statuses(60)) <= {200, 409, 429, 503, 0}
        assert host.memory() < MEMORY_LIMIT, f"{host.memory() >> 20} MiB"


@case("ended claims are forgotten in the end, and live ones are not")
def ended_claims():
    with Host() as host:
        live = host.claim()["id"]
        ended = host.claim()["id"]
        done(host.post("claims/release", {"claims": [ended]}))
        host.stop()
        columns = [row[1] for row in host.sql("PRAGMA table_info(claim)")]
        given = ", ".join({"number": "number + n", "createdAt": "1000", "endedAt": "1000"}.get(column, column) for column in columns)
        host.sql(
            f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 60000) "
            f"INSERT INTO claim ({', '.join(columns)}) SELECT {given} FROM claim, counted WHERE number = ?", int(ended[1:]))
        host.start()
        done(host.post("claims", {"pool": "data"}))
        host.stop()
        (count,), = host.sql("SELECT count(*) FROM claim")
        assert count <= 20_000, f"{count} claims are kept"
        host.start()
        assert live in [claim["id"] for claim in host.get("claims").json["claims"]]
