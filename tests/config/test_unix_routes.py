"""Keys that work between two unix sockets alone, on routes that are something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from pipetwist.config.unix_routes import routes_without_unix
from pipetwist.errors import ConfigError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions

_UNIX_IN = {"type": "unix", "tag": "u", "path": "u", "users": [{"name": "alice", "uid": 1}]}
_TCP_IN = {"type": "tcp", "tag": "t", "listen_port": 1}
_ENDPOINT_IN = {"type": "endpoint", "tag": "e", "endpoint": "unix:/e"}
_GRAM_IN = {"type": "unixgram", "tag": "g", "path": "g"}
_CAT = {"type": "fork", "tag": "cat", "command": ["cat"]}
_AS_CLIENT = {"type": "unix", "tag": "as", "path": "x", "credentials": "client"}


def _said(inbounds: list[object], outbounds: list[object], **route: object) -> list[str]:
    return [
        str(problem)
        for problem in routes_without_unix(
            {"inbounds": inbounds, "outbounds": outbounds, "route": route}
        )
    ]


class CredentialsTest(SynchronousTestCase):
    """An outbound that connects as its client."""

    def test_good(self) -> None:
        """Unix sockets lead there, and others elsewhere."""
        self.assertEqual(_said([_UNIX_IN], [_AS_CLIENT]), [])
        self.assertEqual(
            _said([_UNIX_IN, _TCP_IN], [_CAT, _AS_CLIENT], rules=[
                {"inbound": ["u"], "outbound": "as"}
            ]),
            [],
        )  # fmt: skip
        plain = {**_AS_CLIENT, "credentials": None}
        self.assertEqual(_said([_TCP_IN], [plain]), [])

    def test_bad(self) -> None:
        """Whatever else leads there is reported, once, at the key."""
        for inbound in (_TCP_IN, _ENDPOINT_IN, _GRAM_IN):
            self.assertEqual(
                _said([_UNIX_IN, inbound, {**inbound, "tag": "more"}], [_AS_CLIENT]),
                [
                    (
                        "outbounds[0].credentials: the system says only of a unix socket's client "
                        f'who it is: the inbound "{inbound["tag"]}" leads here, which is no unix '
                        "socket; route it elsewhere, or leave the key out"
                    )
                ],
            )

    def test_rule(self) -> None:
        """So is what only some rule leads there."""
        (said,) = _said(
            [_UNIX_IN, _TCP_IN], [_CAT, _AS_CLIENT], rules=[{"inbound": ["t"], "outbound": "as"}]
        )
        self.assertIn('the inbound "t" leads here', said)


class DescriptorsTest(SynchronousTestCase):
    """Inbounds and outbounds that pass descriptors on."""

    passing_in = {**_UNIX_IN, "pass_descriptors": True}  # noqa: RUF012 - nobody changes it
    passing = {"type": "unix", "tag": "p", "path": "x", "pass_descriptors": True}  # noqa: RUF012 - as above

    def parse(self, *, inbound: Any = None, outbound: Any = None, **keys: Any) -> str:
        """What is wrong with a document of these two; empty if nothing is."""
        document = {
            "inbounds": [{**self.passing_in, **(inbound or {})}],
            "outbounds": [{**self.passing, **(outbound or {})}],
            **keys,
        }
        try:
            parse_document(json.dumps(document), Path("/"), "test.json", platform="linux")
        except ConfigError as error:
            return str(error)
        return ""

    def test_good(self) -> None:
        """Two unix sockets are good, even if one of the two passes none on."""
        plain = {"type": "unix", "tag": "p", "path": "x"}
        for inbound, outbound in (
            (self.passing_in, self.passing),
            (self.passing_in, plain),
            (_UNIX_IN, self.passing),
        ):
            self.assertEqual(_said([inbound], [outbound]), [])
        self.assertEqual(self.parse(), "")

    def test_no_unix_server(self) -> None:
        """An inbound that leads to something else is told of."""
        self.assertEqual(
            _said([self.passing_in], [_CAT]),
            [
                (
                    "inbounds[0].pass_descriptors: descriptors are passed on between two unix "
                    'sockets alone: this leads to the outbound "cat", which is no unix socket; '
                    "route it elsewhere, or leave the key out"
                )
            ],
        )

    def test_no_unix_client(self) -> None:
        """So is an outbound that something else leads to."""
        (said,) = _said([_TCP_IN], [self.passing])
        self.assertIn("outbounds[0].pass_descriptors: descriptors are passed on between", said)

    def test_framing(self) -> None:
        """Frames have no room for any."""
        for keys in ({"inbound": {"framing": "rfc4571"}}, {"outbound": {"framing": "rfc4571"}}):
            self.assertIn("pass_descriptors can't be used with framing", self.parse(**keys))

    def test_stream(self) -> None:
        """Twisted's transports pass none on, whether the outbound asks for them or the
        document.
        """
        text = 'outbounds[0].pass_descriptors: descriptors can\'t be passed on with "transfer"'
        self.assertIn(text, self.parse(outbound={"transfer": "stream"}))
        self.assertIn(text, self.parse(transfer="stream"))
        self.assertEqual(self.parse(transfer="stream", outbound={"transfer": "auto"}), "")

    def test_elsewhere(self) -> None:
        """On other systems than Linux it is told that it can't be done."""
        for options in (UnixInboundOptions, UnixOutboundOptions):
            said = dict(options.lacking({"pass_descriptors": True}, "freebsd14"))
            self.assertIn("only Linux can pass descriptors on", said["pass_descriptors"])
            self.assertEqual(dict(options.lacking({}, "freebsd14")), {})
        said = dict(UnixOutboundOptions.lacking({"credentials": "client"}, "darwin"))
        self.assertIn("only Linux can connect as the client", said["credentials"])
