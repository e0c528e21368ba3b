# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hook adds to a start, and the filter to a pipe, in the emulated host: targets as (name, measured, limit, unit, needed)."""
import json
import os
import statistics
import subprocess
import tempfile

from hosts import HERE

ROOT = os.path.abspath(f"{HERE}/..")


def measure():
    """Milliseconds, the median of several rounds in turn."""
    print("        the hook, in the emulated host", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [f"{ROOT}/Tests/EndToEnd/lab", "run", "hook-benchmark.sh", "--stage", f"{ROOT}/.build/stage", "--out", folder],
            check=True, stdout=subprocess.DEVNULL)
        with open(f"{folder}/hook.json") as file:
            return {kind: statistics.median(times) for kind, times in json.load(file).items()}


# Milliseconds of `sh` on the day on which the limits were set in milliseconds: the machine that emulates is not always as fast
QUIET = 11.7


def targets(ms):
    return [
        ("the hook at a start that is none of Buslane's: at most 3 times `sh -c 'cat >/dev/null'`",
         ms["hook"] / ms["sh"], 3, "×", True),
        ("the hook at a start that claims and binds, beyond the kernel's own time for binding: 50 ms where that `sh` takes 11.7",
         (ms["asking"] - ms["bind"]) / ms["sh"], 50 / QUIET, "× `sh`", True),
        ("`domain inject --xml-only` on 2,000 lines, beyond the same on five lines: 20 ms where that `sh` takes 11.7",
         (ms["large"] - ms["small"]) / ms["sh"], 20 / QUIET, "× `sh`", True),
    ]


def note(ms):
    return (
        f"The hook by itself, as libvirt calls it: {ms['hook']:.1f} ms for a domain that is none of Buslane's, beside {ms['sh']:.1f} ms of "
        f"`/bin/sh -c 'cat >/dev/null'`. Where it claims a VF and has it bound {ms['asking']:.0f} ms, of which the two writes that bind one take "
        f"{ms['bind']:.0f} ms by themselves. `inject` on 2,000 lines takes {ms['large']:.0f} ms there, on five lines {ms['small']:.0f} ms, and "
        f"`buslane --version` {ms['version']:.0f} ms: what is left is the program's start. Under software emulation everything takes some ten "
        f"to forty times as long.")
