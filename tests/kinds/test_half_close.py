"""The key ``half_close``, which every kind of stream has."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.interfaces import Medium
from pipetwist.kinds.inbound_options import StreamInboundOptions
from pipetwist.outbounds.registry import OUTBOUNDS

# What keys that are needed may be.
_NEEDED = {
    "path": "x.sock",
    "listen_port": 1,
    "server": "127.0.0.1",
    "server_port": 1,
    "port": 1024,
    "cid": 1,
    "command": ("cat",),
    "endpoint": "tcp:1",
    "plugin": "cat",
    "transport": "obfs4",
    "state_path": "state",
}
_PLUGINS = (
    "PtInboundOptions",
    "PtOutboundOptions",
    "Sip003InboundOptions",
    "Sip003OutboundOptions",
)


def _with(options: type[Any], **keys: object) -> Any:
    needed = {key.name for key in fields(options)} & set(_NEEDED)
    return options(tag="x", **{**{name: _NEEDED[name] for name in needed}, **keys})


class HalfCloseTest(SynchronousTestCase):
    """Of inbounds and outbounds."""

    def setUp(self) -> None:
        """Find the kinds of streams."""
        kinds = [*INBOUNDS, *OUTBOUNDS]
        self.kinds: list[Any] = [
            kind.Options for kind in kinds if kind.Options.medium is Medium.STREAM
        ]

    def test_framing(self) -> None:
        """Datagrams have no half-close: it is an error together with ``framing``."""
        self.assertGreaterEqual(len(self.kinds), 9)
        for options in self.kinds:
            with self.assertRaises(ValueError) as raised:
                _with(options, half_close=False, framing="rfc4571")
            self.assertEqual(
                str(raised.exception),
                "half_close can't be false with framing: datagrams have no half-close; leave one "
                "of the two out",
            )
            self.assertTrue(_with(options, framing="rfc4571").half_close)
            self.assertFalse(_with(options, half_close=False).half_close)

    def test_absent(self) -> None:
        """Where it is absent sides are taken for such as can, except plug-ins."""
        for options in self.kinds:
            self.assertIs(_with(options).half_close, options.__name__ not in _PLUGINS)

    def test_timeouts(self) -> None:
        """An inbound tells its connections."""
        for options in self.kinds:
            if issubclass(options, StreamInboundOptions):
                expected = options.__name__ in _PLUGINS
                self.assertIs(_with(options).timeouts.closes_whole, expected)
                self.assertTrue(_with(options, half_close=False).timeouts.closes_whole)
