"""What is known of clients."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.client_info import ClientInfo, Timeouts
from pipetwist.inbounds.unix import UnixInboundOptions


class ClientInfoTest(SynchronousTestCase):
    """A client of whom little is said."""

    def test_timeouts(self) -> None:
        """It has the time-outs of an inbound that names none: 300 s once a direction has ended, and
        else as long as it likes.
        """
        client_info = ClientInfo("in", "127.0.0.1:4711", "127.0.0.1")
        self.assertEqual(client_info.timeouts, Timeouts(idle=None, half_close=None))
        self.assertEqual(client_info.timeouts, UnixInboundOptions(tag="in", path="/in").timeouts)
        self.assertIsNone(client_info.user)
