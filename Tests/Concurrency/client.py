# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon on a synthetic host, and a client of its socket."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

POOL = "vfs"
CONFIGURATION = f"""physicalFunctions: []
pools:
  - name: {POOL}
    select: {{ kinds: [virtual-function], drivers: [vfio-pci] }}
"""


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket; after a lost connection the next request makes a new one."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A blocking connect waits while the backlog is full; one with a timeout fails.
        self.sock.connect(self.path)
        self.sock.settimeout(self.timeout)

    def ask(self, method, route, document=None):
        """Returns the status and the answer; raises OSError or HTTPException when there is none."""
        body = None if document is None else json.dumps(document)
        try:
            self.request(method, route, body, {"Content-Type": "application/json"} if body else {})
            answer = self.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def send_and_leave(self, route, document):
        """Sends a request and disconnects before the answer."""
        try:
            self.request("POST", route, json.dumps(document), {"Content-Type": "application/json"})
        finally:
            self.close()


class Daemon:
    def __init__(self, built, place, configuration=CONFIGURATION, libvirt="test:///default"):
        self.built, self.place, self.libvirt = built, place, libvirt
        self.socket = f"{place}/socket"
        with open(f"{place}/buslane.yaml", "w") as file:
            file.write(configuration)
        self.start()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.process = subprocess.Popen(
            [f"{self.built}/buslaned", "--configuration-directory", self.place, "--ledger", f"{self.place}/ledger.sqlite",
             "--socket", self.socket, "--libvirt-uri", self.libvirt, "--log-level", "error",
             # The synthetic host has VFs on vfio-pci to hand out.
             "--first-start"])
        while True:
            try:
                Connection(self.socket).ask("GET", "/v1/health")
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"error: buslaned ended with {self.process.returncode} at its start")
                time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)

    def anonymous_memory(self):
        """Bytes. Source: `RssAnon` of proc_pid_status(5)."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon:"))
