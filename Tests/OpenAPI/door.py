# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP port that leads to a unix socket, for programs that know no unix sockets."""
import fcntl
import socket
import struct
import threading

# Source: include/uapi/linux/sockios.h, include/uapi/linux/if.h.
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def bring_up_loopback():
    """A new network namespace has it switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def carry(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side has hung up: so does the other.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def open_door(path):
    """Returns the number of the port."""
    port = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve():
        while True:
            outside, _ = port.accept()
            inside = socket.socket(socket.AF_UNIX)
            inside.connect(path)
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return port.getsockname()[1]
