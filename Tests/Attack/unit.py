# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit: its sandbox, its limits, and that no crash loop leaves the host without a daemon."""
import re
import subprocess
import tempfile
from pathlib import Path

from harness import FIGURES, Place, case

SOURCE = Path(__file__).resolve().parent.parent.parent / "systemd/buslaned.service"


def directives():
    """Those of the unit, each with its values."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*(?:\\\n.*)*)$", SOURCE.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@case("systemd-analyze security says less than 3.0 of the unit")
def exposure():
    with tempfile.TemporaryDirectory(dir=Place.folder) as folder:
        unit = Path(folder, "buslaned.service")
        unit.write_text(SOURCE.read_text().replace("@sbindir@", "/usr/sbin"))
        ended = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True)
    figure = re.search(r"exposure level for .*: ([\d.]+)", ended.stdout)
    assert figure, ended.stdout[-200:] + ended.stderr
    FIGURES["the unit's exposure, by systemd-analyze security"] = figure[1]
    assert float(figure[1]) < 3, figure[1]


@case("the unit has", {
    "a filter of system calls": "SystemCallFilter", "a limit of memory": "MemoryMax", "no network of addresses": "IPAddressDeny",
    "devices that it may use": "DeviceAllow", "mounts of its own": "PrivateMounts"})
def sandbox(key):
    assert directives().get(key), f"no {key}"


@case("the unit has no limit of starts")
def starts():
    found = directives()
    assert found["Restart"] == ["always"] and found.get("StartLimitIntervalSec") == ["0"], found.get("StartLimitIntervalSec")


@case("the unit is in order, as systemd reads it")
def verified():
    with tempfile.TemporaryDirectory(dir=Place.folder) as folder:
        unit = Path(folder, "buslaned.service")
        unit.write_text(SOURCE.read_text().replace("@sbindir@/buslaned", "/bin/true"))
        ended = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit], capture_output=True, text=True)
    # A systemd before 254 knows no steps of restarts, and says so.
    ours = [line for line in ended.stderr.splitlines() if "buslaned.service" in line and "Restart" not in line]
    wrong = [line for line in ours if "nknown" in line or "ailed to parse" in line or "gnoring" in line]
    assert not wrong, wrong
