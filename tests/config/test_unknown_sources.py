"""Limits and users that go by addresses, where nobody knows where clients come from."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.unknown_sources import unknown_sources
from tests.support.documents import problems, read, small

_ALICE = {"name": "alice", "uid": 1000, "limits": {"max_sources": 2}}
_BOB = {"name": "bob", "uid": 1001}


def _document(inbound: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One with an inbound behind a plug-in."""
    keys = {"type": "sip003", "tag": "far", "plugin": "obfs-server", "listen_port": 8388}
    return {**small(), "inbounds": [{**keys, **inbound}], **more}


class UnknownSourcesTest(SynchronousTestCase):
    """At an inbound whose plug-in does not say where clients come from."""

    def found(self, inbound: dict[str, Any], **more: Any) -> list[str]:
        """What is wrong."""
        return [str(one) for one in unknown_sources(read(_document(inbound, **more)))]

    def test_limit(self) -> None:
        """A user with max_sources may not come in there, named or among all."""
        said = [
            (
                'inbounds[0].users: "alice" has max_sources, and where clients come from is not '
                'known here; take it away with "max_sources": null, or have the far end say it: '
                '"proxy_protocol": true'
            )
        ]
        users = [_BOB, _ALICE]
        self.assertEqual(self.found({"users": ["alice"]}, users=users), said)
        self.assertEqual(self.found({"users": "*"}, users=users), said)
        self.assertEqual(self.found({"users": ["bob"]}, users=users), [])
        self.assertEqual(self.found({}, users=users), [])

    def test_default(self) -> None:
        """The default counts too, unless it is taken away."""
        default = {"default_limits": {"max_sources": 1}}
        self.assertEqual(len(self.found({"users": ["bob"]}, users=[_BOB], **default)), 1)
        free = {**_BOB, "limits": {"max_sources": None}}
        self.assertEqual(self.found({"users": ["bob"]}, users=[free], **default), [])

    def test_known(self) -> None:
        """Where the far end says who they are, all is well."""
        self.assertEqual(
            self.found({"users": ["alice"], "proxy_protocol": True}, users=[_ALICE]), []
        )

    def test_source(self) -> None:
        """A user of its own has no source there."""
        near = {"name": "near", "source": ["192.0.2.0/24"]}
        (said,) = problems(_document({"users": [near]}))
        self.assertIn('"near" has a source, and a plug-in does not say where', said)
        self.assertEqual(self.found({"users": [near], "proxy_protocol": True}), [])

    def test_proxies(self) -> None:
        """Proxies can't be told apart."""
        keys = {"proxy_protocol": True, "trusted_proxies": ["192.0.2.1"]}
        (said,) = problems(_document(keys))
        self.assertIn("trusted_proxies: a plug-in does not say where its clients come from", said)
