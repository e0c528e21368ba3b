# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting up four cards in the emulated host: targets as (name, measured, limit, unit, needed)."""
import json
import os
import statistics
import subprocess
import tempfile

from hosts import HERE

ROOT = os.path.abspath(f"{HERE}/..")


def measure():
    """Seconds by tool, the median of several rounds in turn."""
    print("        four cards in the emulated host", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [f"{ROOT}/Tests/EndToEnd/lab", "run", "cards-benchmark.sh", "--stage", f"{ROOT}/.build/stage", "--out", folder],
            check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/cards.json") as file:
            return {tool: statistics.median(seconds) for tool, seconds in json.load(file).items() if tool != "vfs"}


def targets(seconds):
    return [
        ("28 VFs made and bound: at most 1.25 times the bare loop", seconds["buslane"] / seconds["bare"], 1.25, "×", True),
        ("28 VFs bound, as driverctl does: at most a quarter of its time",
         seconds["buslaneBinding"] / seconds["driverctlBinding"], 0.25, "×", True),
    ]


def note(seconds):
    return (
        f"28 VFs of four cards made and bound: the bare loop {seconds['bare']:.1f} s, `buslane apply` {seconds['buslane']:.1f} s, the bare "
        f"loop with `driverctl set-override` {seconds['driverctl']:.1f} s. Bound only: {seconds['bareBinding']:.2f}, "
        f"{seconds['buslaneBinding']:.2f} and {seconds['driverctlBinding']:.2f} s. A plan takes {seconds['plan']:.2f} s.")
