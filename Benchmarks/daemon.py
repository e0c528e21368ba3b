#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon costs on a synthetic host: daemon.py FOLDER BUILT

Run in mount and network namespaces of its own, where the folder's sysfs takes the place of the kernel's and nobody else's
events come in. Prints JSON: seconds of an inventory through the daemon, and its CPU seconds for one event.
"""
import glob
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

EVENTS = 200
UDEV_GROUP = 2  # where udevd tells what it has dealt with. Source: libudev's `UDEV_MONITOR_UDEV`.


def murmur2(text):
    """The hash by which libudev's socket filter knows a subsystem. Source: MurmurHash2, seed 0."""
    data, scale, mask = text.encode(), 0x5BD1E995, 0xFFFFFFFF
    value = len(data)
    while len(data) >= 4:
        part = int.from_bytes(data[:4], "little") * scale & mask
        part = (part ^ part >> 24) * scale & mask
        value = (value * scale & mask) ^ part
        data = data[4:]
    if data:
        value = (value ^ int.from_bytes(data, "little")) * scale & mask
    value = (value ^ value >> 13) * scale & mask
    return value ^ value >> 15


def message(action, device_path):
    """An event as udevd tells it. Source: `struct udev_monitor_netlink_header`, libudev."""
    fields = {"ACTION": action, "DEVPATH": device_path, "SUBSYSTEM": "pci", "SEQNUM": "1"}
    properties = b"".join(f"{key}={value}\0".encode() for key, value in fields.items())
    size = struct.calcsize("=8sIIIIIIII")
    return struct.pack(
        "=8s", b"libudev") + struct.pack(">I", 0xFEEDCAFE) + struct.pack("=III", size, size, len(properties)) + struct.pack(
        ">IIII", murmur2("pci"), 0, 0, 0) + properties


class Daemon:
    def __init__(self, built, place):
        self.socket = f"{place}/socket"
        self.process = subprocess.Popen(
            [f"{built}/buslaned", "--configuration-directory", place, "--ledger", f"{place}/ledger.sqlite",
             "--socket", self.socket, "--log-level", "error", "--first-start"],
            stderr=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                sys.exit("error: buslaned ended at its start")
            time.sleep(0.05)

    def cpu(self):
        """CPU seconds of all its threads. Source: `/proc/PID/task/TID/schedstat`, in nanoseconds."""
        spent = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path) as file:
                spent += int(file.read().split()[0])
        return spent / 1e9

    def cpu_at_rest(self):
        """The same, once it has had nothing to do for 30 ms."""
        before = self.cpu()
        while True:
            time.sleep(0.03)
            now = self.cpu()
            if now == before:
                return now
            before = now


def rebind(path, driver):
    """Gives the function another driver, as the kernel would show it."""
    os.remove(f"{path}/driver")
    os.symlink(os.path.relpath(f"/sys/bus/pci/drivers/{driver}", path), f"{path}/driver")
    with open(f"{path}/uevent") as file:
        lines = file.read().split("\n", 1)
    with open(f"{path}/uevent", "w") as file:
        file.write(f"DRIVER={driver}\n{lines[1]}")


def cost_of_an_event(daemon, inventory):
    """CPU seconds of the daemon for one VF that got another driver, its interface gone or there."""
    virtual = [function for function in inventory["functions"] if function["role"] == "virtual-function"]
    chosen = virtual[:: max(1, len(virtual) // EVENTS)][:EVENTS]
    sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
    sender.bind((0, 0))
    before = daemon.cpu_at_rest()
    for function in chosen:
        path = os.path.realpath(f"/sys/bus/pci/devices/{function['address']}")
        rebind(path, "nvme")
        sender.sendto(message("bind", path.removeprefix("/sys")), (0, UDEV_GROUP))
        daemon.cpu_at_rest()
    spent = daemon.cpu_at_rest() - before
    after = {function["address"]: function for function in json.loads(asked(daemon))["functions"]}
    for function in chosen:
        path = os.path.realpath(f"/sys/bus/pci/devices/{function['address']}")
        rebind(path, function["driver"])
        if after[function["address"]]["driver"] != "nvme":
            sys.exit(f"error: the daemon missed the event of {function['address']}")
    return spent / len(chosen)


def asked(daemon):
    """The inventory, as the daemon answers it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(daemon.socket)
        connection.sendall(b"GET /v1/inventory HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.split(b"\r\n")[0].endswith(b"200 OK"):
        sys.exit(f"error: the daemon answers {head.decode()}")
    return body


def seconds_of_an_answer(daemon):
    """The median wall time of 20 answers, the first one left out: that one makes the text."""
    asked(daemon)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        asked(daemon)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def seconds_of(command, place):
    """The median wall time of 20 runs, by hyperfine."""
    report = f"{place}/report.json"
    subprocess.run(
        ["hyperfine", "-N", "--style", "none", "--warmup", "3", "--runs", "20", "--export-json", report, " ".join(command)],
        check=True, stdout=subprocess.DEVNULL)
    with open(report) as file:
        return json.load(file)["results"][0]["median"]


def main(folder, built):
    subprocess.run(["mount", "--bind", f"{folder}/sys", "/sys"], check=True)
    with tempfile.TemporaryDirectory() as place:
        daemon = Daemon(built, place)
        try:
            inventory = json.loads(asked(daemon))
            print(json.dumps({
                "functions": len(inventory["functions"]),
                "answer": seconds_of_an_answer(daemon),
                "command": seconds_of([f"{built}/buslane", "inventory", "--json", "--socket", daemon.socket], place),
                "event": cost_of_an_event(daemon, inventory),
            }))
        finally:
            daemon.process.terminate()
            daemon.process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
