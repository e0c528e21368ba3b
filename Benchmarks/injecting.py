# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pure filter costs on a domain XML of 2,000 lines: targets as (name, measured, limit, unit, needed)."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

LINES, RUNS = 2000, 50
NAME, CAT, XMLLINT = "buslane domain inject --xml-only", "cat", "xmllint --nonet -"
DEVICES = ["0000:3b:10.0,mac=52:54:00:11:22:33,vlan=42,name=data0", "0000:af:00.0,name=gpu0", "0000:af:00.1,name=sound0,companion=gpu0"]


def domain(lines):
    """A packet broker's domain: interfaces of seven lines until the document has so many."""
    interface = """    <interface type='network'>
      <mac address='52:54:01:00:{high:02x}:{low:02x}'/>
      <source network='lane{number}' portgroup='a&amp;b'/>
      <model type='virtio'/>
      <driver name='vhost' queues='4'/>
      <!-- lane {number} -->
    </interface>
"""
    head = """<domain type='kvm'>
  <name>broker</name>
  <memory unit='GiB'>8</memory>
  <vcpu>8</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
  </os>
  <devices>
"""
    count = (lines - 10) // 7
    devices = "".join(interface.format(number=number, high=number // 256, low=number % 256) for number in range(count))
    filling = "    <!-- -->\n" * (lines - 10 - 7 * count)
    return head + devices + filling + "  </devices>\n</domain>\n"


def once(command, document):
    """Seconds from before its start until it has ended. hyperfine 1.15 gives a command no input, so this is timed here."""
    document.seek(0)
    start = time.perf_counter()
    subprocess.run(command, stdin=document, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(built):
    """By name: seconds of wall time, the program's start included."""
    ours = [f"{built}/buslane", "domain", "inject", "--xml-only", *(word for device in DEVICES for word in ("--device", device))]
    commands = {NAME: ours, CAT: ["cat"], XMLLINT: ["xmllint", "--nonet", "-"]}
    with tempfile.TemporaryFile("w+") as document:
        text = domain(LINES)
        assert text.count("\n") == LINES
        document.write(text)
        done = subprocess.run(ours, input=text, stdout=subprocess.PIPE, check=True, text=True).stdout
        assert done.count("ua-buslane-") == len(DEVICES)
        seconds = {}
        for name, command in commands.items():
            print(f"{LINES:>6}  {name}", flush=True)
            seconds[name] = statistics.median(once(command, document) for _ in range(RUNS))
    return seconds


def targets(seconds):
    return [("`domain inject --xml-only` on 2,000 lines: under 20 ms", seconds[NAME] * 1000, 20, " ms", True)]


def note(seconds):
    """The floors beside it."""
    return (f"On the same document `cat` takes {seconds[CAT] * 1000:.1f} ms. `xmllint`, which parses and serialises it, takes "
            f"{seconds[XMLLINT] * 1000:.1f} ms.")


if __name__ == "__main__":
    built = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../.build/release")
    found = measure(built)
    for name, value, limit, unit, _ in targets(found):
        print(f"{name}: {value:.2f}{unit}, {'reached' if value <= limit else 'missed'}")
    print(note(found))
    sys.exit(0 if all(value <= limit for _, value, limit, _, _ in targets(found)) else 1)
