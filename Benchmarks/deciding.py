# SPDX-License-Identifier: GPL-3.0-or-later
"""What deciding and claiming cost on the synthetic host of 4,000 functions: targets as (name, measured, limit, unit, needed)."""
import json
import subprocess
import sys

from hosts import HERE, apart, tree


def measure(built):
    folder = tree(4000)
    print("  4000  plans and placements", flush=True)
    decided = json.loads(subprocess.check_output([f"{built}/planning-benchmark", folder]))
    print("  4000  claims through the daemon's socket", flush=True)
    line = apart("sh", "-c", 'mount --bind "$0/sys" /sys && exec "$@"', folder, sys.executable, f"{HERE}/claims.py", folder, built)
    return decided, json.loads(subprocess.check_output(line))


def targets(decided, claims):
    plans = [decided[kind]["seconds"] for kind in ("rebound", "recut", "nothing to do")]
    one = claims["cycle"]
    return [
        ("planning: under 50 ms", max(plans) * 1000, 50, " ms", True),
        ("placing one claim among 1,000: under 1 ms (an aim)", decided["placement"]["seconds"] * 1000, 1, " ms", False),
        ("a durable claim and its release: at most 5 times one commit (an aim)", one / claims["commit"], 5, "×", False),
        ("64 clients: at least 3 times the rate of one (an aim)", claims["rateOfOne"] / claims["rateOfMany"], 1 / 3, "× of the time", False),
        ("its p99: at most 5 times its median", claims["p99"] / one, 5, "×", True),
        ("the daemon's own memory with 1,000 claims: under 48 MiB", claims["memory"] / 2**20, 48, " MiB", True),
    ]


def note(decided, claims):
    """What the ratios are made of."""
    return (
        f"Plans of {decided['rebound']['steps']:,} and {decided['recut']['steps']:,} steps; one commit {claims['commit'] * 1000:.2f} ms, "
        f"the ledger's part of a claim with its release {claims['ledger'] * 1000:.2f} ms, two requests that ask for nothing "
        f"{2 * claims['request'] * 1000:.2f} ms, a claim with its release {claims['cycle'] * 1000:.1f} ms, "
        f"{claims['rateOfOne']:.0f} of them a second by one client and {claims['rateOfMany']:.0f} by 64.")
