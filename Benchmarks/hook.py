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
        f"The hook takes {ms['hook']:.1f} ms for a domain without devices of Buslane; `/bin/sh -c 'cat >/dev/null'` takes {ms['sh']:.1f} ms. "
        f"If it claims and binds a VF it takes {ms['asking']:.0f} ms; the two writes that bind one take {ms['bind']:.0f} ms. "
        f"`inject` takes {ms['large']:.0f} ms on 2,000 lines, {ms['small']:.0f} ms on five lines, and `buslane --version` {ms['version']:.0f} ms: "
        f"most of it is the program's start. Software emulation makes everything ten to forty times slower.")
