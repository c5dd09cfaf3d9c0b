"""The ends of many connections, each of a user of its own: ``python -m bench.limits.flood``.

A server, in another process, sends to everybody as much as is taken, and clients come from one
address after the other of 127.8.0.0/16, by which users are known. It says at which port the server
listens, and then does what lines on its standard input say, and answers each with a line:

``visit PORT COUNT``: so many clients connect, take a byte each, and close.
``hold PORT COUNT``: so many clients connect, and take what comes from then on.
``count``: how many bytes those have taken.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from contextlib import suppress
from threading import Thread

__all__ = ["source"]

_BLOCK = bytes(1 << 16)
# The clients look so seldom, so that they take more at once, and cost little beside the relay.
_LOOK_SECONDS = 0.1
_AT_ONCE = 100


def source(number: int) -> str:
    """The address of the client with this number, from 0 on."""
    return f"127.8.{number // 250}.{number % 250 + 1}"


class _Server:
    """Sends to all who come.

    Args:
        listening: where they come.
        end: a descriptor that can be read when it is to end.
    """

    def __init__(self, listening: socket.socket, end: int) -> None:
        self._listening = listening
        self._end = end
        self._connected: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self._poll.register(listening, select.EPOLLIN)
        self._poll.register(end, select.EPOLLIN)

    def serve(self) -> None:
        """Do so until it is to end."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._end:
                    return
                if descriptor == self._listening.fileno():
                    self._accept()
                else:
                    self._fill(descriptor)

    def _accept(self) -> None:
        connected, _ = self._listening.accept()
        connected.setblocking(False)
        self._connected[connected.fileno()] = connected
        self._poll.register(connected, select.EPOLLOUT | select.EPOLLET)

    def _fill(self, descriptor: int) -> None:
        connected = self._connected[descriptor]
        try:
            while True:
                connected.send(_BLOCK)
        except BlockingIOError:
            return
        except OSError:
            del self._connected[descriptor]
            connected.close()


class _Clients:
    """Take what comes, in a thread."""

    def __init__(self) -> None:
        self.count = 0
        self._held: list[socket.socket] = []
        Thread(target=self._take, daemon=True).start()

    def visit(self, port: int, count: int) -> None:
        """Have so many connect, and close, some at a time."""
        for start in range(0, count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, count))
            together = [_client(port, number) for number in numbers]
            for client in together:
                client.recv(1)
                client.close()

    def hold(self, port: int, count: int) -> None:
        """Have so many connect, and take what comes."""
        for number in range(count):
            client = _client(port, number)
            client.setblocking(False)
            self._held.append(client)

    def _take(self) -> None:
        buffer = bytearray(1 << 18)
        while True:
            time.sleep(_LOOK_SECONDS)
            for client in list(self._held):
                with suppress(BlockingIOError, ConnectionResetError):
                    self.count += client.recv_into(buffer)


def _client(port: int, number: int) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", port), timeout=60, source_address=(source(number), 0)
    )


def main() -> None:
    """Do what the lines say."""
    end, still_here = os.pipe()
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        # As much as it takes of each it would use up the memory that the kernel has for TCP.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(_BLOCK))
        # A process of its own: two threads would wait for each other's turn all the time.
        if not os.fork():
            os.close(still_here)
            _Server(listening, end).serve()
            os._exit(0)
        print(listening.getsockname()[1], flush=True)
    clients = _Clients()
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "visit":
            clients.visit(*map(int, numbers))
        elif word == "hold":
            clients.hold(*map(int, numbers))
        print(clients.count, flush=True)


if __name__ == "__main__":
    main()
