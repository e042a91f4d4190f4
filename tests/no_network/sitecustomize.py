"""No network but this machine: connecting elsewhere or looking up another name raises.

The loopback addresses serve the browser and Ray. Python imports this by itself where its folder is on the path:
tests/conftest.py calls `block` for the tests and puts this folder on PYTHONPATH for the Pythons they start.
"""

import socket

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_HERE = ("127.0.0.1", "::1", "localhost", None)


class NetworkBlockedError(OSError):
    """Something reached for the network."""


def block() -> None:
    """Guard the ways out of `socket`: connect, connect_ex, sendto (of internet sockets) and getaddrinfo."""
    for name in ("connect", "connect_ex", "sendto"):
        if not hasattr(getattr(socket.socket, name), "blocks"):
            setattr(socket.socket, name, _guarded(name))
    if not hasattr(socket.getaddrinfo, "blocks"):
        socket.getaddrinfo = _lookup_of_this_machine()


def _guarded(name):
    free = getattr(socket.socket, name)

    def guarded(self, *args):
        if self.family in _FAMILIES and args[-1][0] not in _HERE:
            raise NetworkBlockedError(f"tests do not use the network (socket.{name})")
        return free(self, *args)

    guarded.blocks = True
    return guarded


def _lookup_of_this_machine():
    free = socket.getaddrinfo

    def lookup(host, *args, **kwargs):
        if (host.decode() if isinstance(host, bytes) else host) not in _HERE:
            raise NetworkBlockedError("tests do not use the network (socket.getaddrinfo)")
        return free(host, *args, **kwargs)

    lookup.blocks = True
    return lookup


block()
