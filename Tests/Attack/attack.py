#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on the daemon by those who may use its socket, and by what can go wrong around it: attack.py BUILT WORD

Each case says `ok NAME` or `not ok NAME: why`. A case makes its own moment: none is judged by how busy the machine is. The
figures at the end are measured; of them only orders of magnitude are judged.
"""
import importlib
import inspect
import shutil
import signal
import sys
import time

import people
from harness import CASES, FIGURES, MEMORY, MEMORY_LIMIT, Host, Place, raise_descriptor_limit

GROUPS = ["who", "limits", "work", "waiting", "disk", "hangs", "ledger", "hook", "printed", "unit", "beside"]


def memory():
    worst = max(MEMORY, key=MEMORY.get, default=None)
    assert worst, "no daemon was measured"
    FIGURES["the daemon's largest memory (VmHWM)"] = f"{MEMORY[worst] >> 20} MiB, in: {worst}"
    over = {name: size >> 20 for name, size in MEMORY.items() if size >= MEMORY_LIMIT}
    assert not over, f"MiB: {over}"


def is_long(attempt):
    return inspect.isgeneratorfunction(attempt)


def tried(name, attempt, says=True):
    """Tries a case and says what became of it."""
    Host.current, start = name, time.monotonic()
    try:
        attempt()
        problem = None
    except Exception as error:  # whatever it is, the others are tried
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if says or problem:
        print(f"not ok {name}: {problem}" if problem else f"ok {name}", flush=True)
    if time.monotonic() - start > 5:
        print(f"# {time.monotonic() - start:.0f} s", flush=True)
    return problem is None


def main():
    # The first process of a namespace is not ended by signals that it does not know.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    raise_descriptor_limit()
    etc = people.move_in()
    Place.prepare(sys.argv[1])
    for group in GROUPS:
        importlib.import_module(group)
    word = sys.argv[2]
    chosen = [(name, group, attempt) for name, group, attempt in CASES if (group == word if word in GROUPS else word in name)]
    began = time.monotonic()
    # Those with a `yield` begin before the others, and go on after them.
    long = [(name, attempt()) for name, _, attempt in chosen if is_long(attempt)]
    begun = [(name, attempt) for name, attempt in long if tried(name, lambda: next(attempt), says=False)]
    results = []
    for group in dict.fromkeys(group for _, group, _ in chosen):
        start = time.monotonic()
        results += [tried(name, attempt) for name, of, attempt in chosen if of == group and not is_long(attempt)]
        Host.end_shared()
        print(f"# {group}: {time.monotonic() - start:.0f} s", flush=True)
    results += [tried(name, lambda: list(attempt)) for name, attempt in begun]
    results.append(tried("the daemon stays under 256 MiB in every case", memory))
    failed = len(results) - sum(results)
    shutil.rmtree(Place.folder, ignore_errors=True)
    shutil.rmtree(etc, ignore_errors=True)
    for name, figure in FIGURES.items():
        print(f"# {name}: {figure}")
    print(f"{len(results) - failed} passed, {failed} failed, in {time.monotonic() - began:.0f} s")
    sys.exit(bool(failed) or not chosen)


if __name__ == "__main__":
    main()
