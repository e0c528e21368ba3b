#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on the daemon by those who may use its socket, and by what can go wrong around it: attack.py BUILT WORD

Each case says `ok NAME` or `not ok NAME: why`. A case makes its own moment: none is judged by how busy the machine is. The
figures at the end are measured; of them only orders of magnitude are judged. Each file of cases is a process with a mount
namespace of its own, and some run side by side.
"""
import importlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import people
from harness import CASES, FIGURES, MEMORY, MEMORY_LIMIT, Host, Place, raise_descriptor_limit

# The longest first.
GROUPS = ["limits", "printed", "work", "who", "ledger", "hangs", "hook", "disk", "waiting", "unit"]
# What is measured there is not to be disturbed by other cases.
ALONE = "beside"
MARK = "result: "


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
    if time.monotonic() - start > 10:
        print(f"# that took {time.monotonic() - start:.0f} s", flush=True)
    return problem is None


def attack(group, word):
    """The cases of one file; prints their results at the end."""
    people.move_in()
    importlib.import_module(group)
    chosen = [(name, attempt) for name, attempt in CASES if word in (group, "") or word in name]
    # Those with a `yield` begin before the others, and go on after them.
    long = [(name, attempt()) for name, attempt in chosen if inspect.isgeneratorfunction(attempt)]
    begun = [(name, attempt) for name, attempt in long if tried(name, lambda: next(attempt), says=False)]
    results = [tried(name, attempt) for name, attempt in chosen if not inspect.isgeneratorfunction(attempt)]
    results += [tried(name, lambda: list(attempt)) for name, attempt in begun]
    Host.end_shared()
    print(MARK + json.dumps({"tried": len(chosen), "passed": sum(results), "memory": MEMORY, "figures": FIGURES}), flush=True)


class Suite:
    def __init__(self, word):
        self.word, self.tried, self.passed, self.lock = word, 0, 0, threading.Lock()
        self.groups = [word] if word in GROUPS else [] if word == ALONE else list(GROUPS)

    def run(self, group):
        """One file's cases, in a process of their own."""
        command = ["unshare", "--mount", sys.executable, __file__, Place.built, self.word, group, Place.folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            result = None
            for line in process.stdout:
                if line.startswith(MARK):
                    result = json.loads(line[len(MARK):])
                else:
                    print(line, end="", flush=True)
        with self.lock:
            if result is None:
                print(f"not ok the cases of {group}.py: they ended with {process.returncode}", flush=True)
                result = {"tried": 1, "passed": 0, "memory": {}, "figures": {}}
            self.tried += result["tried"]
            self.passed += result["passed"]
            MEMORY.update(result["memory"])
            FIGURES.update(result["figures"])

    def work(self):
        while True:
            with self.lock:
                if not self.groups:
                    return
                group = self.groups.pop(0)
            self.run(group)

    def run_all(self):
        workers = [threading.Thread(target=self.work, daemon=True) for _ in range(max(2, os.cpu_count() or 1))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.word not in GROUPS:
            self.run(ALONE)
        self.tried += 1
        self.passed += tried("the daemon stays well under the memory of its unit in every case", memory)


def memory():
    worst = max(MEMORY, key=MEMORY.get, default=None)
    if not worst:
        return  # a word chose cases without a daemon
    FIGURES["the daemon's largest memory (VmHWM)"] = f"{MEMORY[worst] >> 20} MiB, in: {worst}"
    over = {name: size >> 20 for name, size in MEMORY.items() if size >= MEMORY_LIMIT}
    assert not over, f"MiB: {over}"


def main():
    raise_descriptor_limit()
    built, word, *rest = sys.argv[1:]
    if rest:
        Place.find(built, rest[1])
        attack(rest[0], word)
        return
    # The first process of a namespace is not ended by signals that it does not know; all others end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    Place.prepare(built)
    began, suite = time.monotonic(), Suite(word)
    try:
        suite.run_all()
    finally:
        shutil.rmtree(Place.folder, ignore_errors=True)
    for name, figure in FIGURES.items():
        print(f"# {name}: {figure}")
    print(f"{suite.passed} passed, {suite.tried - suite.passed} failed, in {time.monotonic() - began:.0f} s")
    sys.exit(suite.passed < suite.tried or suite.tried < 2)


if __name__ == "__main__":
    main()
