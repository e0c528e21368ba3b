# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon and docs/openapi.yaml say the same: contract.py BUILT FOLDER PROGRAMS

Run where FOLDER's sysfs takes the place of the kernel's. PROGRAMS is the folder of the public programs that read the
description. Says `ok` or `not ok` of each part.
"""
import http.client
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import httpx
import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

HERE = pathlib.Path(__file__).resolve().parent
DESCRIPTION = HERE.parent.parent / "docs" / "openapi.yaml"
sys.path.insert(0, str(HERE.parent / "Concurrency"))

from client import Connection, Daemon  # noqa: E402
from door import bring_up_loopback, open_door  # noqa: E402

SEED = 20261128
POOL, DOMAIN = "dataplane", "fw1"  # as in the examples of the description
CONFIGURATION = f"""physicalFunctions: []
pools:
  - name: {POOL}
    select: {{ kinds: [virtual-function], drivers: [vfio-pci] }}
"""
LIBVIRT = f"""<node><domain type="test">
  <name>{DOMAIN}</name><uuid>6f9619ff-8b86-4011-b42d-00c04fc964ff</uuid><memory>1048576</memory><os><type>hvm</type></os>
</domain></node>
"""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
LINES = "application/x-ndjson"


def checked(is_good, name, why=""):
    print(f"ok {name}" if is_good else f"not ok {name}: {why}", flush=True)
    return is_good


class Description:
    def __init__(self, path):
        self.document = yaml.safe_load(path.read_text())
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self.registry = Registry().with_resource("description", resource)

    @property
    def operations(self):
        return ((path, method, operation) for path, item in self.document["paths"].items() for method, operation in item.items())

    def methods(self, path):
        methods = {method.upper() for method in self.document["paths"][path]}
        return methods | ({"HEAD"} if "GET" in methods else set())

    @property
    def line_routes(self):
        """The routes of lines: path, method, the media type."""
        for path, method, operation in self.operations:
            media = operation["responses"]["200"].get("content", {}).get(LINES)
            if media:
                yield path, method.upper(), media

    def faults(self, media, text):
        """What is wrong with lines of a media type."""
        name = media["schema"]["items"]["$ref"]
        validator = jsonschema.Draft202012Validator(
            {"$ref": "description" + name}, registry=self.registry, format_checker=jsonschema.FormatChecker())
        return [error.message for line in text.splitlines() for error in validator.iter_errors(json.loads(line))]


def answered(connection, method, path, body=None):
    """The status, the headers and the body."""
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def methods(daemon, description):
    wrong, tried = [], 0
    for path in description.document["paths"]:
        own = description.methods(path)
        for method in METHODS:
            if method in own - {"HEAD"}:
                continue
            connection = Connection(daemon.socket)
            status, headers, body = answered(connection, method, path)
            connection.close()
            tried += 1
            if method in own:
                good = status == 200 and not body
            else:
                listed = set((headers["Allow"] or "").split(", "))
                code = "method-not-allowed" if method == "HEAD" else json.loads(body)["error"]["code"]
                good = status == 405 and listed == own and code == "method-not-allowed" and (method != "HEAD" or not body)
            if not good:
                wrong.append(f"{method} {path}: {status} {headers['Allow']} {body[:80]}")
    return checked(tried > 150 and not wrong, "each path has the methods of the description, and refuses all others", "; ".join(wrong[:5]))


def first_line(daemon, path):
    """Of a route that goes on until its client disconnects."""
    connection = Connection(daemon.socket)
    connection.request("GET", path)
    line = connection.getresponse().readline().decode()
    connection.close()
    return line


def lines(daemon, description):
    wrong = []
    media = {path: media for path, _, media in description.line_routes}
    for path, kind in media.items():
        for name, example in kind["examples"].items():
            wrong += [f"{path}, example {name}: {fault}" for fault in description.faults(kind, example["value"])]
    connection = Connection(daemon.socket)
    connection.ask("POST", "/v1/recover", {"address": "0000:ff:00.0"})  # refused, which is an event
    claim = {"pool": POOL, "count": 1, "owner": "lines", "waitSeconds": 5}
    took = {
        "/v1/claims/wait": answered(connection, "POST", "/v1/claims/wait", json.dumps(claim))[2].decode(),
        "/v1/apply/steps": answered(connection, "POST", "/v1/apply/steps", json.dumps({"confirmed": True}))[2].decode(),
        "/v1/events/follow": first_line(daemon, "/v1/events/follow?after=0"),
        "/v1/inventory/changes": first_line(daemon, "/v1/inventory/changes"),
    }
    connection.ask("POST", "/v1/claims/release", {"claims": [], "owner": "lines"})
    connection.close()
    for path, text in took.items():
        if not text.endswith("\n") or path not in media:
            wrong.append(f"{path}: no line but {text[:80]!r}")
        else:
            wrong += [f"{path}: {fault}" for fault in description.faults(media[path], text)]
    return checked(media.keys() == took.keys() and not wrong, "the lines of all routes of lines are as described", "; ".join(wrong[:5]))


class Releases(threading.Thread):
    """Releases what the tries have claimed, so that none has to wait for long."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_socket, self.is_over = daemon.socket, False

    def run(self):
        while not self.is_over:
            connection = Connection(self.daemon_socket)
            _, answer = connection.ask("GET", "/v1/claims")
            held = [claim["id"] for claim in answer["claims"]]
            if held:
                connection.ask("POST", "/v1/claims/release", {"claims": held})
            connection.close()
            time.sleep(0.1)


def fuzzed(daemon, programs):
    releases = Releases(daemon)
    releases.start()
    command = [
        f"{programs}/schemathesis", "--config-file", HERE / "schemathesis.toml", "run", DESCRIPTION, "--seed", str(SEED),
        "--url", f"http://127.0.0.1:{open_door(daemon.socket)}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    releases.is_over = True
    releases.join()
    if done.returncode:
        print("\n".join("# " + line[:400] for line in done.stdout.splitlines() if line.strip()))
    tried = next((line.strip() for line in done.stdout.splitlines() if " generated, " in line), "no test case")
    print(f"# schemathesis, seed {SEED}: {tried}")
    good = checked(done.returncode == 0 and "generated" in tried, "schemathesis finds nothing", f"it ended with {done.returncode}")
    return checked(daemon.process.poll() is None, "the daemon is still there") and good


def generated_client(daemon, programs):
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [f"{programs}/openapi-python-client", "generate", "--path", DESCRIPTION, "--config", HERE / "client.yaml",
             "--meta", "none", "--output-path", f"{folder}/generated"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if not checked(made.returncode == 0, "openapi-python-client makes a client", made.stdout[-2000:].replace("\n", " ")):
            return False
        sys.path.insert(0, folder)
        package = importlib.import_module("generated")
        models = importlib.import_module("generated.models")

        def call(route, *body):
            module = importlib.import_module(f"generated.api.default.{route}")
            return module.sync(client=client, **({"body": body[0]} if body else {}))

        with package.Client(
            base_url="http://localhost", raise_on_unexpected_status=True,
            httpx_args={"transport": httpx.HTTPTransport(uds=daemon.socket)},
        ) as client:
            health = call("get_health")
            claims = call("allocate", models.PoolClaimRequest(pool=POOL, count=2, owner="generated"))
            held = [claim.id for claim in claims.claims]
            addresses = {assignment.address for assignment in claims.claims[0].assignments}
            pool = call("list_pools").pools[0]
            refused = call("allocate", models.PoolClaimRequest(pool="nowhere"))
            released = call("release", models.ReleaseRequest(claims=held))
        good = checked(health.version and health.problems == [], "a generated client reads the health", health)
        good &= checked(
            len(addresses) == 2 and addresses <= set(pool.functions) and pool.free == pool.total - 2,
            "a generated client claims functions", f"{claims} {pool}")
        good &= checked(
            isinstance(refused, models.Error) and refused.error.code == "unknown-pool", "a generated client reads a refusal", refused)
        return good & checked([claim.state for claim in released.claims] == ["released"], "a generated client releases", released)


def main():
    built, host, programs = sys.argv[1:]
    bring_up_loopback()
    libvirt = pathlib.Path(host, "libvirt.xml")
    libvirt.write_text(LIBVIRT)
    description = Description(DESCRIPTION)
    with tempfile.TemporaryDirectory() as place:
        daemon = Daemon(built, place, CONFIGURATION, f"test://{libvirt}")
        try:
            good = methods(daemon, description)
            good &= lines(daemon, description)
            good &= generated_client(daemon, programs)
            good &= fuzzed(daemon, programs)
        finally:
            daemon.stop()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
