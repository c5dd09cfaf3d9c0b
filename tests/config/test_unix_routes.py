"""Keys that work between two unix sockets alone, on routes that are something else."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.unix_routes import routes_without_unix

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
