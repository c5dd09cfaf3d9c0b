"""The outbound ``vsock``, whose sockets are TCP ones; see `pretend_vsock`."""

from __future__ import annotations

import socket

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import NobodyListensError
from pipetwist.interfaces import ISide
from pipetwist.kernel.context import kernel_context
from pipetwist.outbounds import vsock
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.vsock import VsockOutbound, VsockOutboundOptions
from pipetwist.testing import RecordingReceiver
from tests.support.memory_transport import TurningReactor
from tests.support.vsock import pretend_vsock


class VsockOutboundTest(SynchronousTestCase):
    """An outbound over Twisted's transports."""

    in_kernel = False

    def setUp(self) -> None:
        """Listen where it leads."""
        self.bounds = pretend_vsock(self)
        self.reactor = TurningReactor()
        self.kernel = kernel_context(self.reactor) if self.in_kernel else None
        if self.kernel is not None:
            self.addCleanup(self.kernel.close)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def connect(self) -> ISide | Deferred[ISide]:
        """Connect it; what comes of it once the reactor has turned."""
        options = VsockOutboundOptions(
            tag="out", cid=3, port=self.port, connect_timeout=7, connect_retry=9
        )
        outbound = VsockOutbound(options, OutboundContext(self.reactor, None, None, self.kernel))
        self.assertEqual((outbound.in_kernel, outbound.connect_retry), (self.in_kernel, 9))
        connecting = outbound.connect()
        for _ in range(3):
            self.reactor.turn()
        return connecting

    def test_carries(self) -> None:
        """Bytes and their end go both ways, and the kernel waits for as long as the outbound."""
        connecting = self.connect()
        side = self.successResultOf(connecting) if isinstance(connecting, Deferred) else connecting
        self.addCleanup(side.abort)
        self.assertEqual(self.bounds, [7])
        receiver = RecordingReceiver()
        side.attach(receiver)
        with self.server.accept()[0] as peer:
            peer.settimeout(60)
            peer.sendall(b"banner")
            peer.shutdown(socket.SHUT_WR)
            side.write(b"hello")
            side.write_eof()
            side.resume_reading()
            for _ in range(3):
                self.reactor.turn()
            self.assertEqual(peer.makefile("rb").read(), b"hello")
        self.assertEqual((receiver.data, "read_ended" in receiver.heard), (b"banner", True))

    def test_refused(self) -> None:
        """Where nobody listens the error has the address, and it may be tried again."""
        self.server.close()
        connecting = self.connect()
        assert isinstance(connecting, Deferred)
        error = self.failureResultOf(connecting, NobodyListensError)
        self.assertEqual(str(error.value), f"vsock:3:{self.port}: Connection refused")

    def test_here(self) -> None:
        """The check of a machine asks for vsock."""
        asked: list[str] = []
        self.patch(vsock, "check_vsock", asked.append)
        VsockOutboundOptions(tag="out", cid=3, port=1).check_here()
        self.assertEqual(asked, ["outbound out"])


class KernelVsockOutboundTest(VsockOutboundTest):
    """The same in the kernel."""

    in_kernel = True
