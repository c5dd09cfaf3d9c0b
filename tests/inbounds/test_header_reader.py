"""Reading a header from a socket: in pieces, in time, and not one byte more."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, cast

from twisted.internet.interfaces import IReactorFDSet

from pipetwist.inbounds.header_reader import HEADER_SECONDS, HeaderReader
from pipetwist.kernel.connector import Watcher
from pipetwist.kernel.reactor_watcher import ReactorWatcher
from pipetwist.proxy_protocol.header import Header
from tests.proxy_protocol.headers import SIGNATURE, block, ipv4, tlv
from tests.support.loop import KernelCase, take_all

_LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 47 80\r\n"
_BLOCK = block(0x21, 0x11, ipv4("192.0.2.1", "192.0.2.2", 47, 80) + tlv(0xE0, bytes(200)))


class KernelTest(KernelCase):
    """With our own epoll set."""

    in_kernel = True

    def setUp(self) -> None:
        """Prepare to read from one of two sockets."""
        super().setUp()
        self.said: list[Header | str | None] = []
        descriptors = cast("IReactorFDSet", self.loop)
        self.watcher: Watcher = (
            self.kernel.poller if self.in_kernel else ReactorWatcher(descriptors)
        )

    def read(
        self, sent: bytes = b"", family: int = socket.AF_UNIX, *, optional: bool = False
    ) -> tuple[HeaderReader, socket.socket, socket.socket]:
        """Begin to read; the reader, and both sockets."""
        near, far = self.pair(family)
        far.send(sent)
        reader = HeaderReader(
            self.loop,
            self.watcher,
            near,
            optional=optional,
            done=self.said.append,
            refused=self.said.append,
        )
        reader.start()
        self.addCleanup(reader.stop)
        return reader, near, far

    def rest(self, near: socket.socket) -> bytes:
        """What is left for others."""
        near.setblocking(False)
        return take_all(near)

    def source(self) -> object:
        """Whom the header names."""
        (header,) = self.said
        return header.source if isinstance(header, Header) else header

    def test_at_once(self) -> None:
        """A header that is there already is read without waiting, and what follows it is left."""
        for family in (socket.AF_UNIX, socket.AF_INET):
            for sent in (_LINE, _BLOCK):
                _, near, _ = self.read(sent + b"\r\nmore" + sent, family)
                self.loop.until(lambda: self.said, "the header")
                self.assertEqual(self.source(), ("192.0.2.1", 47))
                self.assertEqual(self.rest(near), b"\r\nmore" + sent)
                self.said.clear()

    def test_every_byte(self) -> None:
        """It is the same one wherever it is cut."""
        for sent in (_LINE, block(0x21, 0x11, _BLOCK[16:28])):
            for cut in range(1, len(sent)):
                _, near, far = self.read(sent[:cut])
                self.loop.settle()
                self.assertEqual(self.said, [])
                far.send(sent[cut:] + b"more")
                self.loop.advance(1)
                self.loop.settle()
                self.assertEqual((self.source(), self.rest(near)), (("192.0.2.1", 47), b"more"))
                self.said.clear()

    def test_byte_by_byte(self) -> None:
        """It may come in single bytes, with pauses."""
        reader, near, far = self.read()
        for byte in _BLOCK:
            far.send(bytes([byte]))
            self.loop.advance(0.01)
            self.loop.settle()
        self.assertEqual((self.source(), self.rest(near)), (("192.0.2.1", 47), b""))
        self.assertIn("over", repr(reader))

    def test_slow(self) -> None:
        """One that is not there after 5 seconds is refused, wherever it has stopped."""
        for sent in (b"", b"PR", _LINE[:20], SIGNATURE, _BLOCK[:30]):
            reader, _, _ = self.read(sent)
            self.loop.settle()
            self.loop.advance(HEADER_SECONDS - 0.1)
            self.assertEqual(self.said, [])
            self.assertIn("waits for", repr(reader))
            self.loop.advance(0.1)
            self.assertEqual(self.said, ["none came within 5 s"])
            self.said.clear()

    def test_wrong(self) -> None:
        """What is no header, or a wrong one, is refused at once."""
        for sent, why in (
            (b"GET / HTTP/1.1\r\n", "it begins with b'GET / HTTP/1.1\\r\\n'"),
            (b"\x16\x03\x01", "it begins with b'\\x16\\x03\\x01'"),
            (b"PROXY TCP5 \r\n", "b'PROXY TCP5 \\r\\n' is no line of the PROXY protocol"),
            (block(0x21, 0x11, b""), "it is too short for its addresses"),
        ):
            for optional in (False, True) if sent.startswith((b"P", b"\r")) else (False,):
                self.read(sent, optional=optional)
                self.loop.settle()
                self.assertEqual(self.said, [why])
                self.said.clear()

    def test_ends(self) -> None:
        """One that ends before its header is complete is refused."""
        for sent in (b"", b"PR", SIGNATURE[:11], _LINE[:20], _BLOCK[:30]):
            _, _, far = self.read(sent)
            far.shutdown(socket.SHUT_WR)
            self.loop.advance(1)
            self.loop.settle()
            self.assertEqual(self.said, ["it ended before that"], sent)
            self.said.clear()

    def test_reset(self) -> None:
        """One that was reset is refused, with the system's word."""
        _, _, far = self.read(_LINE[:20], socket.AF_INET)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        far.close()
        self.loop.until(lambda: self.said, "the refusal")
        self.assertEqual(self.said, ["the connection was reset"])

    def test_optional(self) -> None:
        """Where it need not have one, what no header begins with is left as it is, and so is
        nothing.
        """
        for sent in (b"GET /", b"\x16\x03\x01", b"PROXX", b"PROX", SIGNATURE[:11], b""):
            _, near, _ = self.read(sent, optional=True)
            self.loop.settle()
            if self.said:
                self.assertNotIn(sent, (b"", b"PROX", SIGNATURE[:11]))
            self.loop.advance(HEADER_SECONDS)
            self.assertEqual((self.said, self.rest(near)), ([None], sent))
            self.said.clear()

    def test_optional_ends(self) -> None:
        """Nor is one that has ended a wrong one, unless its header has begun."""
        for sent, said in ((b"", None), (b"PRO", None), (_LINE[:9], "it ended before that")):
            _, near, far = self.read(sent, optional=True)
            far.shutdown(socket.SHUT_WR)
            self.loop.advance(1)
            self.loop.settle()
            self.assertEqual(self.said, [said])
            if said is None:
                self.assertEqual(self.rest(near), sent)
            self.said.clear()

    def test_no_spinning(self) -> None:
        """What may become a header's signature is looked at rarely while nothing follows it."""
        self.read(b"PRO")
        self.assertEqual(self.loop.readers, set())
        looks = 0
        while self.loop.getDelayedCalls() and not self.said:
            self.loop.advance(
                min(call.getTime() for call in self.loop.getDelayedCalls()) - self.loop.seconds()
            )
            looks += 1
        self.assertLess(looks, 20)

    def test_descriptors(self) -> None:
        """Descriptors that come with a header are closed, those after it are left."""
        near, far = self.pair()
        _, write = os.pipe()
        self.addCleanup(os.close, write)
        self.addCleanup(os.close, _)
        socket.send_fds(far, [_LINE], [write])
        socket.send_fds(far, [b"more"], [write])
        reader = HeaderReader(
            self.loop,
            self.watcher,
            near,
            optional=False,
            done=self.said.append,
            refused=self.said.append,
        )
        reader.start()
        self.loop.settle()
        self.assertEqual(self.source(), ("192.0.2.1", 47))
        data, descriptors, _, _ = socket.recv_fds(near, 9, 3)
        for descriptor in descriptors:
            os.close(descriptor)
        self.assertEqual((data, len(descriptors)), (b"more", 1))

    def test_unwatchable(self) -> None:
        """Where the system can't watch it, it is refused."""

        def add(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.patch(self.watcher, "add", add)
        self.read()
        self.assertEqual(self.said, ["No space left on device"])

    def test_fails(self) -> None:
        """A mistake of ours refuses it."""
        reader, _, _ = self.read()
        reader.failed()
        reader.failed()
        self.assertEqual(self.said, ["internal error"])

    def test_stop(self) -> None:
        """Stopped, it tells nothing more."""
        reader, _, far = self.read()
        reader.stop()
        far.send(_LINE)
        self.loop.settle()
        self.loop.advance(HEADER_SECONDS)
        self.assertEqual(self.said, [])


class ReactorTest(KernelTest):
    """With a reactor of Twisted's."""

    in_kernel = False
