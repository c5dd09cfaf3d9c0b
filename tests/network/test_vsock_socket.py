"""Sockets of vsock: how they are opened, and what is said where they can't be."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase
from typing_extensions import Self

from pipetwist.errors import StartError
from pipetwist.network import vsock_socket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.network.vsock_socket import AF_VSOCK, bound_connect_time, check_vsock, open_vsock
from pipetwist.values.bind_address import ANY_CID, VsockAddress

_LABEL = "inbound in"


class _Refusing:
    """A socket of a kernel that refuses something."""

    errors: dict[str, int]

    def __init__(self, *_: Any) -> None:
        self._meet("socket")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def bind(self, address: tuple[int, int]) -> None:
        """Take an address."""
        self._meet("bind")

    def listen(self, backlog: int) -> None:
        """Listen."""
        self._meet("listen")

    def close(self) -> None:
        """Take the note that it is."""
        self.errors["closed"] = self.errors.get("closed", 0) + 1

    def _meet(self, call: str) -> None:
        if call in self.errors:
            number = self.errors[call]
            raise OSError(number, os.strerror(number))


class RefusedTest(SynchronousTestCase):
    """A kernel that has not got what is asked for."""

    def refuse(self, call: str, number: int) -> dict[str, int]:
        """Have a call fail."""
        errors = {call: number}
        kind = type("_One", (_Refusing,), {"errors": errors})
        self.patch(vsock_socket, "ListeningSocket", kind)

        class Sockets:
            socket = kind
            SOCK_STREAM = 1

        self.patch(vsock_socket, "socket", Sockets)
        return errors

    def said(self, cid: int = 3) -> tuple[str, str]:
        """What listening and checking say."""
        return (
            str(self.assertRaises(StartError, open_vsock, _LABEL, VsockAddress(cid, 80))),
            str(self.assertRaises(StartError, check_vsock, _LABEL, cid)),
        )

    def test_none(self) -> None:
        """Without vsock the error says so, and what to do."""
        self.refuse("socket", errno.EAFNOSUPPORT)
        for text in self.said():
            self.assertEqual(
                text,
                "inbound in: this kernel has no vsock; load its module (modprobe vsock), or use "
                "another type",
            )

    def test_other_cid(self) -> None:
        """A cid that is not this machine's is one, and the module is named that has it."""
        for cid, module in (
            (3, "vmw_vsock_virtio_transport or vhost_vsock"),
            (1, "vsock_loopback"),
        ):
            errors = self.refuse("bind", errno.EADDRNOTAVAIL)
            for text in self.said(cid):
                self.assertEqual(
                    text,
                    f"inbound in: this machine has not got the cid {cid}; leave cid out to listen "
                    f"at each that it has, or load the kernel's module ({module})",
                )
            self.assertEqual(errors["closed"], 2)

    def test_any_cid(self) -> None:
        """Of any cid a check asks nothing more than whether there is vsock."""
        self.refuse("bind", errno.EADDRNOTAVAIL)
        check_vsock(_LABEL)

    def test_taken(self) -> None:
        """A port that is taken, or root's, is said with its address."""
        for call, number, text in (
            ("bind", errno.EADDRINUSE, "can't listen on vsock:3:80: Address already in use"),
            (
                "bind",
                errno.EACCES,
                "can't listen on vsock:3:80: ports below 1024 are root's (CAP_NET_BIND_SERVICE)",
            ),
            ("listen", errno.ENOMEM, "can't listen on vsock:3:80: Cannot allocate memory"),
        ):
            self.refuse(call, number)
            error = self.assertRaises(StartError, open_vsock, _LABEL, VsockAddress(3, 80))
            self.assertEqual(str(error), f"inbound in: {text}")


class OpenedTest(SynchronousTestCase):
    """A kernel that has vsock, be it without anybody to reach."""

    def setUp(self) -> None:
        """Look whether it has."""
        try:
            socket.socket(AF_VSOCK, socket.SOCK_STREAM).close()
        except OSError as none:
            message = f"this kernel has no vsock: {none.strerror}"
            raise SkipTest(message) from none

    def test_listens(self) -> None:
        """It listens at a port of any cid, which nobody else can have."""
        with ListeningSocket(AF_VSOCK, socket.SOCK_STREAM) as first:
            first.bind((ANY_CID, 2**32 - 1))
            port = first.getsockname()[1]
        address = VsockAddress(ANY_CID, port)
        with open_vsock(_LABEL, address) as listening:
            self.assertEqual(listening.getsockname(), (ANY_CID, port))
            self.assertTrue(listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            error = self.assertRaises(StartError, open_vsock, _LABEL, address)
            self.assertIn(f"can't listen on vsock::{port}: Address already in use", str(error))

    def test_connect_time(self) -> None:
        """The kernel waits as long as it is told, and the socket stays what it was."""
        with socket.socket(AF_VSOCK, socket.SOCK_STREAM) as opened:
            bound_connect_time(opened, 7.5)
            size = struct.calcsize("ll")
            # Of vsock Python's own sockets give numbers alone.
            with socket.socket(socket.AF_UNIX, fileno=os.dup(opened.fileno())) as plain:
                said = struct.unpack("ll", plain.getsockopt(AF_VSOCK, 6, size))
            self.assertEqual(said, (7, 500_000))
            self.assertNotEqual(opened.fileno(), -1)
