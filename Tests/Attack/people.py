# SPDX-License-Identifier: GPL-3.0-or-later
"""Users that exist only in the suite's mount namespace, and how to connect as one of them."""
import os
import socket
import subprocess
import threading
import traceback
from pathlib import Path


class User:
    def __init__(self, name, uid, *groups):
        self.name, self.uid, self.groups = name, uid, groups
        self.lock, self.channel = threading.Lock(), None

    @property
    def gids(self):
        return [GROUPS[group] for group in self.groups]

    @property
    def process(self):
        """Arguments of subprocess that make a child this user's."""
        return {"user": self.uid, "group": self.uid, "extra_groups": self.gids}

    def connected(self, path, patience):
        """A socket whose peer credentials are this user's. The kernel takes them from the process that connects."""
        with self.lock:
            self.channel.sendall(f"{patience} {path}\n".encode())
            answer, descriptors, _, _ = socket.recv_fds(self.channel, 64, 1)
        if not descriptors:
            number = int(answer)
            raise OSError(number, os.strerror(number))
        return socket.socket(fileno=descriptors[0])

    def serve(self, channel):
        """The process of this user: connects to each path that it is told, and passes the socket back."""
        os.setgroups(self.gids)
        os.setresgid(self.uid, self.uid, self.uid)
        os.setresuid(self.uid, self.uid, self.uid)
        for line in channel.makefile("r"):
            patience, path = line.rstrip("\n").split(" ", 1)
            try:
                with connected(path, float(patience)) as wire:
                    socket.send_fds(channel, [b"0"], [wire.fileno()])
            except OSError as error:
                channel.sendall(str(error.errno).encode())


class Root(User):
    def connected(self, path, patience):
        return connected(path, patience)


def connected(path, patience):
    wire = socket.socket(socket.AF_UNIX)
    # Python's own time limits make the socket non-blocking, and such a connect fails at once while the queue is full.
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval(patience))
    try:
        wire.connect(path)
    except OSError:
        wire.close()
        raise
    return wire


def timeval(seconds):
    return int(seconds).to_bytes(8, "little") + int(seconds % 1 * 1e6).to_bytes(8, "little")


GROUPS = {"buslane": 61000, "libvirt": 61001}
ROOT = Root("root", 0)
# Members of group buslane with no other right; one who may manage domains too; one who is in no group.
MALLORY, ALICE, BOB = (User(name, uid, "buslane") for name, uid in (("mallory", 61101), ("alice", 61102), ("bob", 61103)))
VICTOR = User("victor", 61104, "buslane", "libvirt")
STRANGER = User("stranger", 61105)
ALL = [MALLORY, ALICE, BOB, VICTOR, STRANGER]


def move_in():
    """Makes the users known in this mount namespace, and starts their processes."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/mnt"], check=True)
    folder = Path("/mnt")
    ours = set(GROUPS) | {user.name for user in ALL}
    users = "".join(f"{user.name}:x:{user.uid}:{user.uid}::/:/bin/false\n" for user in ALL)
    groups = "".join(f"{user.name}:x:{user.uid}:\n" for user in ALL) + "".join(
        f"{name}:x:{gid}:{','.join(user.name for user in ALL if name in user.groups)}\n" for name, gid in GROUPS.items())
    for name, more in (("passwd", users), ("group", groups), ("nsswitch.conf", "passwd: files\ngroup: files\n")):
        path = Path("/etc", name)
        kept = "" if name == "nsswitch.conf" or not path.exists() else "".join(
            line for line in path.read_text().splitlines(keepends=True) if line.split(":")[0] not in ours)
        (folder / name).write_text(kept + more)
        if path.exists():
            subprocess.run(["mount", "--bind", folder / name, path], check=True)
    for user in ALL:
        mine, theirs = socket.socketpair()
        if os.fork() == 0:
            mine.close()
            try:
                user.serve(theirs)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        theirs.close()
        user.channel = mine
