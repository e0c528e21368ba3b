# SPDX-License-Identifier: GPL-3.0-or-later
"""The synthetic hosts, and how a command gets one of them in place of the machine's own."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (1000, 4000, 16000)
# In memory, so that the disk's speed does not count. 16,000 functions take 2 GiB.
PLACE = os.path.join("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir(), "buslane-benchmarks")


def tree(size):
    """The folder of the host of that size, made anew when the generator is newer."""
    folder = f"{PLACE}/{size}"
    generator = f"{HERE}/generate.py"
    if not os.path.exists(folder + ".made") or os.path.getmtime(folder + ".made") < os.path.getmtime(generator):
        print(f"making a host of {size} functions below {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        subprocess.run([sys.executable, generator, folder, str(size)], check=True)
        open(folder + ".made", "w").close()
    return folder


def clear():
    """Gives the memory back."""
    shutil.rmtree(PLACE, ignore_errors=True)


def apart(*command):
    """The command in new namespaces, where it may mount and gets no events of this host."""
    # Mounts need root, here or in a new user namespace.
    return ["unshare", "--mount", "--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), *command]


def on_sysfs(folder, command):
    """The shell's command with the host's sysfs in place of the machine's, for tools that know no other."""
    return apart("sh", "-c", f"mount --bind {folder}/sys /sys && {command}")
