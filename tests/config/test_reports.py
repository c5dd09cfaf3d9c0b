"""How problems are reported: all at once, each with its place, in words for people."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from pipetwist.errors import ConfigError
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.outbounds.registry import OUTBOUNDS
from tests.support.documents import FOLDER, full, problems, small

_INBOUNDS, _OUTBOUNDS = (
    ", ".join(f'"{type_}"' for type_ in registry.types()) for registry in (INBOUNDS, OUTBOUNDS)
)


class ReportTest(SynchronousTestCase):
    """How problems are reported: all at once, each with its place, in words for people."""

    def _said(self, document: object, *lines: str) -> None:
        self.assertEqual(problems(document), list(lines))

    def test_good(self) -> None:
        """A good document has no problems."""
        self._said(small())
        self._said(full())

    def test_all_at_once(self) -> None:
        """Every problem of a document is reported in one go, in the order of the document."""
        self._said(
            {
                "log": {"level": "wran", "colour": True},
                "inbounds": [
                    {
                        "type": "unix",
                        "tag": "a",
                        "pth": "in.sock",
                        "mode": 660,
                        "users": [{"name": "x>y", "uid": -1}, {"name": "bob"}, 7],
                    },
                    {"type": "tcp", "tag": "a", "listen_port": "80"},
                    {"type": "unx", "tag": ""},
                ],
                "outbounds": [{"tag": "b", "type": "fork", "command": "cat", "inherit_env": "yes"}],
                "route": {
                    "rules": [{"inbound": ["c"], "auth_user": [], "outbound": "bb"}],
                    "final": "a",
                },
                "drain_timeout": 5,
                "experimental": {"v2ray_api": {"listen": "0.0.0.0:1", "stats": {"users": ["bo"]}}},
                "metrics": {"listen": "unix:a", "hosts": ["relay:9100"]},
            },
            'log.level: "wran" is not known here; did you mean "warn"?',
            'log.colour: this key is not known here; use one of "level", "format", '
            '"timestamp", "max_size", "max_files", "connections", "connections_max_size", '
            '"connections_max_files"',
            'inbounds[0].pth: this key is not known here; did you mean "path"?',
            "inbounds[0].mode: 660 is not a file mode; write it in octal digits between "
            'quotes, such as "0660"',
            "inbounds[0].users[0].name: \"x>y\" has a '>' in it, which the names of counters "
            "are split at; choose another name",
            "inbounds[0].users[0].uid: -1 is not the number of a user or group; write a whole "
            "number from 0 to 4294967294",
            "inbounds[0].users[1]: a user needs a uid, a gid, a certificate_name, a "
            "certificate_san or a source",
            "inbounds[0].users[2]: 7 is not an object, which is written {...}",
            "inbounds[0].path: this required key is missing",
            'inbounds[1].tag: "a" is the tag of inbounds[0] already; each needs a tag of its own',
            'inbounds[1].listen_port: "80" is not a port; write a whole number from 0 to 65535',
            'inbounds[2].type: "unx" is not a type of inbound; did you mean "unix"? There are '
            f"{_INBOUNDS}",
            "inbounds[2].tag: a name must not be empty",
            'outbounds[0].command: "cat" is not a command; write a list of texts, such as '
            '["ncat", "127.0.0.1", "80"]',
            'outbounds[0].inherit_env: "yes" is neither true nor false',
            'route.rules[0].inbound[0]: no inbound has the tag "c"',
            "route.rules[0].auth_user: an empty list never matches, so the rule would do "
            "nothing; name at least one, or leave the key out",
            'route.rules[0].outbound: no outbound has the tag "bb"; did you mean "b"?',
            'route.final: no outbound has the tag "a"',
            'drain_timeout: 5 is not a duration; write it with units, such as "5s", "1m30s" '
            'or "500ms"',
            "experimental.v2ray_api.listen: 0.0.0.0:1 can be reached from other machines "
            'without TLS; give "tls", or listen on 127.0.0.1, '
            'or say "insecure": true',
            'experimental.v2ray_api.stats.users[0]: there is no user named "bo"; did you '
            'mean "bob"?',
            'metrics.listen: "unix:a" is a unix socket, where no browser and no Prometheus '
            'can ask; write "127.0.0.1:9100" or "[::1]:9100"',
            'metrics.hosts[0]: "relay:9100" is not the name of a host; write it alone, '
            'without a port, such as "relay.example.org"',
        )

    def test_whole(self) -> None:
        """A document that is no object is reported as such."""
        for raw, text in ((5, "5"), ([], "[]"), (None, "null"), ("a", '"a"')):
            self._said(raw, f"{text} is not an object, which is written {{...}}")

    def test_types(self) -> None:
        """A missing type, an unknown one and one that is no text are reported with the types that
        there are.
        """
        document = small()
        document["inbounds"] = [
            {"tag": "a"},
            {"tag": "b", "type": "http"},
            {"tag": "c", "type": 5},
            {"tag": "d", "type": ["unix"]},
            [],
            None,
        ]
        document["outbounds"] = [{"tag": "a", "type": "quic"}]
        self._said(
            document,
            f"inbounds[0].type: this required key is missing; use one of {_INBOUNDS}",
            f'inbounds[1].type: "http" is not a type of inbound; use one of {_INBOUNDS}',
            f"inbounds[2].type: 5 is not a type of inbound; use one of {_INBOUNDS}",
            f'inbounds[3].type: ["unix"] is not a type of inbound; use one of {_INBOUNDS}',
            "inbounds[4]: [] is not an object, which is written {...}",
            "inbounds[5]: null is not an object, which is written {...}",
            f'outbounds[0].type: "quic" is not a type of outbound; use one of {_OUTBOUNDS}',
        )

    def test_empty_lists(self) -> None:
        """Without an inbound or an outbound there is nothing to run."""
        self._said(
            {"inbounds": [], "outbounds": []},
            "inbounds: at least one inbound is needed, or nobody could connect",
            "outbounds: at least one outbound is needed, or connections could go nowhere",
        )

    def test_repeated(self) -> None:
        """A key that is there twice is reported with its place, beside what else is wrong."""
        text = (
            '{"inbounds": [{"type": "tcp", "tag": "a", "listen_port": 1, "listen_port": "x"}], '
            '"outbounds": []}'
        )
        said = str(self.assertRaises(ConfigError, parse_document, text, FOLDER, "f")).split("\n")
        self.assertEqual(
            said[0], "f:1:61: inbounds[0].listen_port: this key is given more than once"
        )
        self.assertEqual(
            [line.split(": ")[1] for line in said[1:]], ["inbounds[0].listen_port", "outbounds"]
        )

    def test_unknown_key_hides_nothing(self) -> None:
        """Whether keys fit together is reported even where there is an unknown key beside them."""
        document = small()
        document["inbounds"] = [
            {
                "type": "tcp",
                "tag": "a",
                "listen_port": 1,
                "users": [{"name": "b", "certificate_name": "c"}],
                "usrs": [],
            }
        ]
        self._said(
            document,
            'inbounds[0]: "b" is known by a certificate, which needs tls with a '
            "client_certificate_path",
            'inbounds[0].usrs: this key is not known here; did you mean "users"?',
        )

    def test_strict(self) -> None:
        """Nothing is taken for what it could be turned into: texts, numbers, true and false are
        what they are.
        """
        document = full()
        document["outbounds"][1] |= {"inherit_env": 1, "max_processes": "3", "env": {"A": 1}}
        document["experimental"]["v2ray_api"]["stats"]["enabled"] = "true"
        key_paths = [line.split(": ")[0] for line in problems(document)]
        self.assertEqual(
            key_paths,
            [
                "outbounds[1].env",
                "outbounds[1].inherit_env",
                "outbounds[1].max_processes",
                "experimental.v2ray_api.stats.enabled",
            ],
        )

    def test_half_pair(self) -> None:
        """Half of a surrogate pair is reported, and breaks nothing."""
        document = small()
        document["inbounds"][0]["path"] = "\ud800"
        document["inbounds"][0]["\udc00"] = 1
        self.assertIn("half of a surrogate pair", problems(document)[0])

    def test_odd_numbers(self) -> None:
        """Numbers that are none are reported in one line as anything else."""
        for number in ("NaN", "-Infinity", "1e999", "-0.0", "9" * 400):
            said = str(
                self.assertRaises(
                    ConfigError, parse_document, f'{{"drain_timeout": {number}}}', FOLDER, "f"
                )
            )
            self.assertIn("f:1:2: drain_timeout: ", said)
