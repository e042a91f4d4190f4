"""The tests cannot reach the network, nor can the Pythons they start."""

import socket
import subprocess
import sys

import pytest

ADDRESS = ("192.0.2.1", 80)  # a documentation address: nobody answers there


def test_an_internet_socket_cannot_connect():
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(family) as one, pytest.raises(OSError, match="do not use the network"):
            one.connect(ADDRESS)
        with socket.socket(family, socket.SOCK_DGRAM) as one, pytest.raises(OSError, match="do not use the network"):
            one.sendto(b"x", ADDRESS)


def test_no_name_is_looked_up():
    with pytest.raises(OSError, match="do not use the network"):
        socket.getaddrinfo("example.org", 443)


def test_a_started_python_is_blocked_too():
    code = f"import socket; socket.create_connection({ADDRESS!r}, timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "do not use the network" in done.stderr


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
def test_sockets_within_the_machine_still_work():
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"hello")
        assert right.recv(5) == b"hello"


def test_this_machine_can_be_reached_and_its_neighbours_cannot():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for name in ("127.0.0.1", "localhost"):
            with socket.create_connection((name, port), timeout=10) as here:
                there, _ = server.accept()
                with there:
                    here.sendall(b"hello")
                    assert there.recv(5) == b"hello"
        for address in ("0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254", "8.8.8.8"):
            with socket.socket() as one, pytest.raises(OSError, match="do not use the network"):
                one.connect((address, port))
