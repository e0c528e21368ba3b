# SPDX-License-Identifier: GPL-3.0-or-later
"""What deciding and claiming cost on the synthetic host of 4,000 functions: targets as (name, measured, limit, unit, needed)."""
import json
import os
import subprocess
import sys

from hosts import HERE, PLACE, apart, tree

# Milliseconds that a flush of a disk takes in addition to what it takes here
FLUSHES = [0, 0.25, 0.5, 1, 2]


def measure(built):
    """What planning costs, and what claiming costs for each of the flushes."""
    folder = tree(4000)
    print("  4000  plans and placements", flush=True)
    decided = json.loads(subprocess.check_output([f"{built}/planning-benchmark", folder]))
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", f"{PLACE}/flush.so", f"{HERE}/flush.c"], check=True)
    claims = {}
    for flush in FLUSHES:
        print("  4000  claims through the daemon's socket" + (f", a flush {flush} ms longer" if flush else ""), flush=True)
        slower = {"LD_PRELOAD": f"{PLACE}/flush.so", "BENCHMARK_FLUSH": f"{flush * 1e6:.0f}"} if flush else {}
        line = [sys.executable, f"{HERE}/claims.py", folder, built, "2" if flush else "5"]
        claims[flush] = json.loads(subprocess.check_output(
            apart("sh", "-c", 'mount --bind "$0/sys" /sys && exec "$@"', folder, *line), env={**os.environ, **slower}))
    return decided, claims


def targets(decided, slower):
    plans = [decided[kind]["seconds"] for kind in ("rebound", "recut", "nothing to do")]
    claims = slower[0]
    one = claims["cycle"]
    return [
        ("planning: under 50 ms", max(plans) * 1000, 50, " ms", True),
        ("placing one claim among 1,000: under 1 ms (an aim)", decided["placement"]["seconds"] * 1000, 1, " ms", False),
        ("a durable claim and its release: at most 5 times one commit, on this disk (an aim)", one / claims["commit"], 5, "×", False),
        ("the same where a flush takes 1 ms longer", slower[1]["cycle"] / slower[1]["commit"], 5, "×", True),
        ("64 clients: at least 3 times the rate of one (an aim)", claims["rateOfOne"] / claims["rateOfMany"], 1 / 3, "× of the time", False),
        ("its p99: at most 5 times its median", claims["p99"] / one, 5, "×", True),
        ("the daemon's own memory with 1,000 claims: under 48 MiB", claims["memory"] / 2**20, 48, " MiB", True),
    ]


def note(decided, slower):
    """The times behind the ratios."""
    claims = slower[0]
    lines = [
        f"Plans of {decided['rebound']['steps']:,} and {decided['recut']['steps']:,} steps; one commit {claims['commit'] * 1000:.2f} ms, "
        f"the ledger's part of a claim and its release {claims['ledger'] * 1000:.2f} ms, two empty requests "
        f"{2 * claims['request'] * 1000:.2f} ms, a claim with its release {claims['cycle'] * 1000:.1f} ms.",
        "",
        "| a flush takes longer by | one commit | a claim with its release | | a second by one client | by 64 |",
        "|---|---|---|---|---|---|",
    ]
    for flush, found in slower.items():
        lines.append(
            f"| {flush} ms | {found['commit'] * 1000:.2f} ms | {found['cycle'] * 1000:.2f} ms | {found['cycle'] / found['commit']:.1f}× | "
            f"{found['rateOfOne']:,.0f} | {found['rateOfMany']:,.0f} ({found['rateOfMany'] / found['rateOfOne']:.1f}×) |")
    return "\n".join(lines)
