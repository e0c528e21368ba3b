# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as they are sent, and many connections that send them."""
import collections
import threading
import time

from harness import PATIENCE


class Crowd:
    """Connections of a user that each send something and then wait, or send a byte now and then."""

    def __init__(self, host, by, count, text=b"", byte=None, admin=False):
        self.wires, self.is_over, self.byte = [], threading.Event(), byte
        path = str(host.admin if admin else host.socket)
        for _ in range(count):
            try:
                wire = by.connected(path, 3)
            except OSError:
                break  # the queue is full, which is what the crowd is for
            self.wires.append(wire)
            self.send(wire, text)
            wire.settimeout(PATIENCE)
        self.thread = threading.Thread(target=self.trickle, daemon=True)
        if byte:
            self.thread.start()

    @staticmethod
    def send(wire, text):
        # The daemon need not read what is too much. What is small goes into the socket at once.
        wire.settimeout(0.3)
        try:
            wire.sendall(text)
            return True
        except OSError:
            return False

    def trickle(self):
        while not self.is_over.wait(2):
            for wire in self.wires:
                self.send(wire, self.byte)

    def statuses(self, patience=PATIENCE):
        """How many answered with each status; 0 is those that were disconnected without one, None is no answer yet."""
        found, end = collections.Counter(), time.monotonic() + patience
        for wire in self.wires:
            wire.settimeout(max(0.01, end - time.monotonic()))
            try:
                line = wire.recv(13)
                found[int(line[9:12]) if line else 0] += 1
            except TimeoutError:
                found[None] += 1
            except (OSError, ValueError):
                found[0] += 1
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over.set()
        if self.byte:
            self.thread.join()
        for wire in self.wires:
            wire.close()


def request(method, route, body=b"", **headers):
    """A request as it is sent."""
    head = {"Host": "x", **({"Content-Length": len(body)} if body else {}), **{key.replace("_", "-"): value for key, value in headers.items()}}
    return f"{method} /v1/{route} HTTP/1.1\r\n".encode() + b"".join(f"{key}: {value}\r\n".encode() for key, value in head.items()) + b"\r\n" + body
