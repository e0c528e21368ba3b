#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon that lost events reads the host again: overrun.py BUILT

Run in mount and network namespaces of its own: umockdev's events never overrun, so these go through netlink itself.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Benchmarks"))
from daemon import UDEV_GROUP, Daemon, asked, message, rebind  # noqa: E402
from generate import Host  # noqa: E402

# More than the monitor's socket buffer of 8 MiB can hold: each event takes some 700 bytes of it.
EVENTS = 100000


def home(address):
    return os.path.realpath(f"/sys/bus/pci/devices/{address}")


def driver(daemon, address):
    return next(f["driver"] for f in json.loads(asked(daemon))["functions"] if f["address"] == address)


def overrun(daemon, told, untold):
    """Sends the stopped daemon too many events of one function, and none of another that changed."""
    sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    sender.bind((0, 0))
    rebind(home(untold), "nvme")
    assert driver(daemon, untold) != "nvme", "the host was read without a reason"
    daemon.process.send_signal(signal.SIGSTOP)
    event = message("bind", home(told).removeprefix("/sys"))
    for _ in range(EVENTS):
        try:
            sender.sendto(event, (0, UDEV_GROUP))
        except OSError:
            pass  # the buffer is full, as intended
    daemon.process.send_signal(signal.SIGCONT)
    end = time.monotonic() + 20
    while driver(daemon, untold) != "nvme":
        assert time.monotonic() < end, "what changed while events were lost was not seen in 20 s"
        time.sleep(0.05)


def main(built):
    name = "udev: events that were lost, more than the socket holds: everything is read again"
    with tempfile.TemporaryDirectory() as place:
        Host(f"{place}/host").fill(20)
        subprocess.run(["mount", "--bind", f"{place}/host/sys", "/sys"], check=True)
        daemon = Daemon(built, place)
        try:
            virtual = [f["address"] for f in json.loads(asked(daemon))["functions"] if f["role"] == "virtual-function"]
            overrun(daemon, virtual[0], virtual[1])
            print(f"ok {name}")
        except Exception as problem:  # an error in a test is a failure
            print(f"not ok {name}: {type(problem).__name__}: {str(problem)[:400]}")
            sys.exit(1)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
            daemon.process.terminate()
            daemon.process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
