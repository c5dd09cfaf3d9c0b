"""Whether the parts of a document agree."""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.consistency import inconsistencies
from tests.support.documents import full, problems, small


class TagsTest(SynchronousTestCase):
    """Tags of inbounds and outbounds."""

    def test_shared(self) -> None:
        """Every inbound but the first with a tag is told of it, and so is every outbound."""
        document = small()
        document["inbounds"] = [
            {"type": "tcp", "tag": tag, "listen_port": 0} for tag in ("a", "b", "a", "a")
        ]
        document["outbounds"] = [{"type": "fork", "tag": "b", "command": ["cat"]} for _ in range(2)]
        self.assertEqual(
            problems(document),
            [
                (
                    'inbounds[2].tag: "a" is the tag of inbounds[0] already; each needs a tag of '
                    "its own"
                ),
                (
                    'inbounds[3].tag: "a" is the tag of inbounds[0] already; each needs a tag of '
                    "its own"
                ),
                (
                    'outbounds[1].tag: "b" is the tag of outbounds[0] already; each needs a tag '
                    "of its own"
                ),
            ],
        )

    def test_apart(self) -> None:
        """An inbound and an outbound may have the same tag, and a user may be named more than
        once.
        """
        document = small()
        document["outbounds"][0]["tag"] = "in"
        document["inbounds"][0]["users"] = [{"name": "in", "uid": 1}, {"name": "in", "gid": 1}]
        self.assertEqual(problems(document), [])

    def test_broken(self) -> None:
        """Tags are compared whatever else is wrong with their owners."""
        document = {
            "inbounds": [{"tag": "a"}, 5, {"tag": "a", "type": "http", "bogus": 1}],
            "outbounds": None,
        }
        self.assertIn(
            'inbounds[2].tag: "a" is the tag of inbounds[0] already; each needs a tag of its own',
            problems(document),
        )


class MentionsTest(SynchronousTestCase):
    """Names that are mentioned, and must be there."""

    def _document(self, name: object) -> dict[str, Any]:
        """A document that mentions a name wherever one can."""
        document = full()
        document["route"] = {
            "rules": [{"inbound": [name], "auth_user": [name], "outbound": name}],
            "final": name,
        }
        document["experimental"]["v2ray_api"]["stats"] = {
            "inbounds": [name],
            "outbounds": [name],
            "users": [name],
        }
        return document

    def test_unknown(self) -> None:
        """A name that is nobody's is reported wherever it is mentioned."""
        self.assertEqual(
            problems(self._document("xyz")),
            [
                'route.rules[0].inbound[0]: no inbound has the tag "xyz"',
                'route.rules[0].auth_user[0]: there is no user named "xyz"',
                'route.rules[0].outbound: no outbound has the tag "xyz"',
                'route.final: no outbound has the tag "xyz"',
                'experimental.v2ray_api.stats.inbounds[0]: no inbound has the tag "xyz"',
                'experimental.v2ray_api.stats.outbounds[0]: no outbound has the tag "xyz"',
                'experimental.v2ray_api.stats.users[0]: there is no user named "xyz"',
            ],
        )

    def test_kinds(self) -> None:
        """A name counts only as what it is the name of."""
        self.assertEqual(
            [line.split(": ")[0] for line in problems(self._document("pipe-in"))],
            [
                "route.rules[0].auth_user[0]",
                "route.rules[0].outbound",
                "route.final",
                "experimental.v2ray_api.stats.outbounds[0]",
                "experimental.v2ray_api.stats.users[0]",
            ],
        )

    def test_once(self) -> None:
        """What can be no name is reported as such, and not as unknown, too."""
        for name in ("", "a>b", 5, None, ["x"]):
            said = problems(self._document(name))
            self.assertEqual(
                [line for line in said if re.search(r"no (in|out)bound has|no user|none", line)],
                [],
                name,
            )
            # A rule may be without an outbound, which is looked at once the rest of it is right.
            self.assertGreaterEqual(len(said), 5 if name is None else 6)

    def test_near(self) -> None:
        """The nearest name is suggested."""
        document = self._document("alise")
        self.assertIn(
            'route.rules[0].auth_user[0]: there is no user named "alise"; did you mean "alice"?',
            problems(document),
        )

    def test_broken(self) -> None:
        """Names are looked for among broken inbounds and outbounds, too, as far as these can be
        read.
        """
        document = {
            "inbounds": [{"tag": "a", "users": [{"name": "alice"}, 5]}, None, {"users": 7}],
            "outbounds": [{"tag": "b", "type": "http"}],
            "route": {
                "rules": [
                    {"inbound": ["a", "x"], "auth_user": ["alice", "bob"], "outbound": "b"},
                    7,
                    {"outbound": "y"},
                ],
                "final": 5,
            },
        }
        said = [line for line in problems(document) if re.search(r"no (in|out)bound|no user", line)]
        self.assertEqual(
            [line.split(": ")[0] for line in said],
            ["route.rules[0].inbound[1]", "route.rules[0].auth_user[1]", "route.rules[2].outbound"],
        )

    def test_no_list(self) -> None:
        """If there is no list of inbounds or outbounds only that is reported, since the names that
        were meant are not known.
        """
        document = full()
        del document["inbounds"]
        document["outbounds"] = {}
        self.assertEqual(
            problems(document),
            [
                "outbounds: {} is not a list, which is written [...]",
                "inbounds: this required key is missing",
            ],
        )

    def test_no_document(self) -> None:
        """In what is no document nothing disagrees."""
        others: tuple[object, ...] = (None, 5, "inbounds", [], [{"inbounds": []}])
        for raw in others:
            self.assertEqual(list(inconsistencies(raw)), [])


class ListenerTest(SynchronousTestCase):
    """Where the API listens, and who shows the metrics."""

    def _said(self, **api: object) -> list[str]:
        return [
            line.removeprefix("experimental.v2ray_api.")
            for line in problems({**small(), "experimental": {"v2ray_api": api}})
        ]

    def test_good(self) -> None:
        """Loopback is good, and a unix socket, other addresses with TLS or where they shall be
        insecure, and none at all.
        """
        tls = {"certificate_path": "a.pem", "key_path": "a.key"}
        for api in (
            {},
            {"listen": "127.0.0.1:1"},
            {"listen": "unix:api.sock"},
            {"listen": "0.0.0.0:1", "tls": tls},
            {"listen": "[::]:1", "insecure": True},
            {"listen": None, "tls": None},
        ):
            self.assertEqual(self._said(**api), [], api)

    def test_reachable(self) -> None:
        """An address that other machines can reach is refused where it is given."""
        for listen in ("0.0.0.0:1", "example.org:1"):
            (line,) = self._said(listen=listen)
            self.assertTrue(
                line.startswith(f"listen: {listen} can be reached from other machines without TLS"),
                line,
            )

    def test_reachable_and_broken(self) -> None:
        """It is refused beside other mistakes, but not where it may have been allowed by mistake of
        writing.
        """
        self.assertEqual(
            [
                line.split(":")[0]
                for line in self._said(listen="0.0.0.0:1", listen_mode=1, tls=None)
            ],
            ["listen", "listen_mode"],
        )
        self.assertEqual(
            [line.split(":")[0] for line in self._said(listen="0.0.0.0:1", insecure="yes")],
            ["insecure"],
        )
        self.assertEqual(
            [line.split(":")[0] for line in self._said(listen="0.0.0.0:1", tls=5)], ["tls"]
        )

    def test_no_address(self) -> None:
        """What is not an address is reported once."""
        for listen in (10085, "10085", "127.0.0.1", ":1", "unix:"):
            self.assertEqual(
                [line.split(":")[0] for line in self._said(listen=listen)], ["listen"], listen
            )

    def test_metrics(self) -> None:
        """What holds for the API holds for the listener of the metrics."""
        self.assertEqual(problems({**small(), "metrics": {"listen": "localhost:1"}}), [])
        (line,) = problems({**small(), "metrics": {"listen": "[::]:1", "hosts": ["relay"]}})
        self.assertTrue(
            line.startswith(
                "metrics.listen: [::]:1 can be reached from other machines without TLS"
            ),
            line,
        )

    def test_unix_with_tls(self) -> None:
        """A unix socket with TLS is refused where TLS is given."""
        self.assertEqual(
            self._said(listen="unix:/a", tls={"certificate_path": "a", "key_path": "b"}),
            ["tls: a unix socket has no TLS; leave the key out, or listen on a TCP port"],
        )

    def test_turned_off(self) -> None:
        """TLS that is turned off is none."""
        self.assertEqual(self._said(listen="unix:/a", tls={"enabled": False}), [])
        (line,) = self._said(listen="0.0.0.0:1", tls={"enabled": False})
        self.assertIn("can be reached from other machines without TLS", line)
