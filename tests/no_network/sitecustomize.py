"""No network: connecting or looking up a name raises. Python imports this by itself where its folder is on the path.

tests/conftest.py calls `block` for the tests and puts this folder on PYTHONPATH for the Pythons they start.
"""

import socket

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class NetworkBlockedError(OSError):
    """Something reached for the network."""


def block() -> None:
    """Replace the ways out of `socket`: connect, connect_ex, sendto (of internet sockets) and getaddrinfo."""
    for name in ("connect", "connect_ex", "sendto"):
        if not hasattr(getattr(socket.socket, name), "blocks"):
            setattr(socket.socket, name, _guarded(name))
    socket.getaddrinfo = _no_lookup


def _guarded(name):
    free = getattr(socket.socket, name)

    def guarded(self, *args):
        if self.family in _FAMILIES:
            raise NetworkBlockedError(f"tests do not use the network (socket.{name})")
        return free(self, *args)

    guarded.blocks = True
    return guarded


def _no_lookup(host, *args, **kwargs):
    raise NetworkBlockedError("tests do not use the network (socket.getaddrinfo)")


block()
