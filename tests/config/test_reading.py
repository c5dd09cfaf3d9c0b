"""Reading files and texts."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document, RouteOptions
from pipetwist.config.reading import parse_document, read_document
from pipetwist.errors import ConfigError
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unix_options import PeerUserOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from tests.support.documents import FOLDER, full, problems, read, small

_TLS_IN = {
    "type": "tcp",
    "tag": "a",
    "listen_port": 1,
    "tls": {"certificate_path": "a.pem", "key_path": "sub/a.key"},
}
_TOOL = {"type": "fork", "tag": "b", "command": ["bin/tool", "./x"], "cwd": "work"}


class ReadingTest(SynchronousTestCase):
    """What a good document becomes."""

    def test_small(self) -> None:
        """A document with nothing but what is needed has every default."""
        self.assertEqual(
            read(small()),
            Document(
                inbounds=(UnixInboundOptions(tag="in", path="/etc/pipetwist/in.sock"),),
                outbounds=(ForkOutboundOptions(tag="out", command=("cat",)),),
            ),
        )

    def test_full(self) -> None:
        """Values are of our types: seconds, mode bits, absolute paths, options of the type that is
        named.
        """
        document = read(full())
        self.assertEqual(
            document.inbounds[0],
            UnixInboundOptions(
                tag="pipe-in",
                path="/run/in.sock",
                mode=0o660,
                owner=0,
                group="proxy",
                users=(
                    PeerUserOptions(name="alice", uid=1000),
                    PeerUserOptions(name="staff", gid=50),
                ),
                idle_timeout=3600.0,
                half_close_timeout=90.0,
            ),
        )
        self.assertEqual(
            document.outbounds[0],
            UnixOutboundOptions(
                tag="plugin", path="@@plugin", connect_timeout=0.5, transfer="stream"
            ),
        )
        self.assertEqual(
            document.route,
            RouteOptions(
                rules=(RuleOptions(inbound=("tcp-in",), auth_user=("bob",), outbound="tool"),),
                final="secure",
            ),
        )
        self.assertEqual(
            (document.log.level, document.log.format, document.drain_timeout),
            ("warn", "json", 10.0),
        )

    def test_absolute(self) -> None:
        """Every relative path is relative to the folder that is given, even where that is relative
        itself.
        """
        document = parse_document(
            json.dumps({"inbounds": [_TLS_IN], "outbounds": [_TOOL]}), Path("conf"), "test.json"
        )
        folder = f"{Path.cwd()}/conf"
        inbound, outbound = document.inbounds[0], document.outbounds[0]
        assert isinstance(inbound, TcpInboundOptions)
        assert inbound.tls is not None
        assert isinstance(outbound, ForkOutboundOptions)
        self.assertEqual(
            (inbound.tls.certificate_path, inbound.tls.key_path),
            (f"{folder}/a.pem", f"{folder}/sub/a.key"),
        )
        self.assertEqual(
            (outbound.command, outbound.cwd), ((f"{folder}/bin/tool", "./x"), f"{folder}/work")
        )

    def test_absolute_listener(self) -> None:
        """The path of the API's socket is made absolute, too."""
        document = read({**small(), "experimental": {"v2ray_api": {"listen": "unix:run/api.sock"}}})
        assert document.experimental.v2ray_api is not None
        self.assertEqual(document.experimental.v2ray_api.listen, "unix:/etc/pipetwist/run/api.sock")

    def test_final(self) -> None:
        """Where the route names none, the first outbound is the final one, as in sing-box."""
        self.assertEqual((read(small()).final, read(full()).final), ("out", "secure"))

    def test_null(self) -> None:
        """A null stands for a key's absence where the key may be absent for something else to
        happen.
        """
        document = read({**small(), "route": {"final": None}, "experimental": {"v2ray_api": None}})
        self.assertEqual(document, read(small()))

    def test_immutable(self) -> None:
        """A document can't be changed, and equal ones have equal hashes where their parts do."""
        self.assertRaises(AttributeError, setattr, read(small()), "drain_timeout", 1.0)
        self.assertEqual(hash(read(full()).inbounds), hash(read(full()).inbounds))

    def test_tcp_outbound(self) -> None:
        """TLS of an outbound stays off where it is not enabled."""
        document = small()
        document["outbounds"] = [
            {
                "type": "tcp",
                "tag": "t",
                "server": "h",
                "server_port": 1,
                "tls": {"server_name": "n"},
            }
        ]
        outbound = read(document).outbounds[0]
        assert isinstance(outbound, TcpOutboundOptions)
        assert outbound.tls is not None
        self.assertEqual((outbound.tls.enabled, outbound.tls.server_name), (False, "n"))


class FilesTest(SynchronousTestCase):
    """Files, good and bad."""

    def _file(self, content: bytes) -> Path:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        path = folder / "pipetwist.json"
        path.write_bytes(content)
        return path

    def test_folder(self) -> None:
        """Paths are relative to the file's folder, whatever the current one."""
        path = self._file(json.dumps({"inbounds": [_TLS_IN], "outbounds": [_TOOL]}).encode())
        (outbound,) = read_document(path).outbounds
        assert isinstance(outbound, ForkOutboundOptions)
        self.assertEqual(outbound.cwd, str(path.absolute().parent / "work"))

    def test_byte_order_mark(self) -> None:
        """A file may begin with the mark that editors on Windows write."""
        path = self._file(
            b"\xef\xbb\xbf// mark\r\n"
            + json.dumps({"inbounds": [_TLS_IN], "outbounds": [_TOOL]}).encode()
        )
        self.assertEqual(read_document(str(path)).inbounds[0].tag, "a")
        path.write_bytes(b'\xef\xbb\xbf{"a" 1}')
        self.assertIn(
            "line 1, column 6: ", str(self.assertRaises(ConfigError, read_document, path))
        )

    def test_names(self) -> None:
        """Problems begin with the file's name as it was given."""
        path = self._file(b"{}")
        said = str(self.assertRaises(ConfigError, read_document, path)).split("\n")
        self.assertEqual(
            said,
            [
                f"{path}: inbounds: this required key is missing",
                f"{path}: outbounds: this required key is missing",
            ],
        )

    def test_unreadable(self) -> None:
        """A file that can't be read is a problem like another: missing, a folder, or with a name
        that no file has.
        """
        path = self._file(b"{}")
        reasons = {
            path.parent / "none.json": "No such file or directory",
            path.parent: "Is a directory",
            path / "x": "Not a directory",
        }
        for bad, reason in reasons.items():
            said = str(self.assertRaises(ConfigError, read_document, bad))
            self.assertEqual(said, f"{bad}: the file can't be read: {reason}")
        self.assertIn("can't be read", str(self.assertRaises(ConfigError, read_document, "a\0b")))

    def test_forbidden(self) -> None:
        """A file that may not be read is a problem like another."""
        if os.geteuid() == 0:
            path = "/proc/self/mem"  # what even root may not read from its beginning
        else:
            forbidden = self._file(b"{}")
            forbidden.chmod(0)
            path = str(forbidden)
        self.assertIn(
            f"{path}: the file can't be read: ",
            str(self.assertRaises(ConfigError, read_document, path)),
        )

    def test_not_text(self) -> None:
        """A file that is not UTF-8 is said to be so, with the place of the first wrong byte."""
        path = self._file(b'{"a": "\xff"}')
        self.assertEqual(
            str(self.assertRaises(ConfigError, read_document, path)),
            f"{path}: this is not UTF-8 text, from byte 7 on; save it as UTF-8",
        )

    def test_syntax(self) -> None:
        """A mistake in the writing is told with its line and column."""
        path = self._file(b'{\n  "inbounds": [,]\n}')
        self.assertEqual(
            str(self.assertRaises(ConfigError, read_document, path)),
            f'{path}: line 2, column 16: "," is not valid JSON here',
        )


class ReportTest(SynchronousTestCase):
    """How problems are told: all at once, each with its place, in words for people."""

    def _said(self, document: object, *lines: str) -> None:
        self.assertEqual(problems(document), list(lines))

    def test_good(self) -> None:
        """A good document has no problems."""
        self._said(small())
        self._said(full())

    def test_all_at_once(self) -> None:
        """Every problem of a document is told in one go, in the order of the document."""
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
            '"max_size", "max_files"',
            'inbounds[0].pth: this key is not known here; did you mean "path"?',
            "inbounds[0].mode: 660 is not a file mode; write it in octal digits between "
            'quotes, such as "0660"',
            "inbounds[0].users[0].name: \"x>y\" has a '>' in it, which the names of counters "
            "are split at; choose another name",
            "inbounds[0].users[0].uid: -1 is not the number of a user or group; write a whole "
            "number from 0 to 4294967294",
            "inbounds[0].users[1]: a user of a unix inbound needs a uid or a gid",
            "inbounds[0].users[2]: 7 is not an object, which is written {...}",
            "inbounds[0].path: this required key is missing",
            'inbounds[1].tag: "a" is the tag of inbounds[0] already; each needs a tag of its own',
            'inbounds[1].listen_port: "80" is not a port; write a whole number from 0 to 65535',
            'inbounds[2].type: "unx" is not a type of inbound; did you mean "unix"?',
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
            'experimental.v2ray_api.stats.users[0]: no inbound has a user named "bo"; did you '
            'mean "bob"?',
            'metrics.listen: "unix:a" is a unix socket, where no browser and no Prometheus '
            'can ask; write "127.0.0.1:9100" or "[::1]:9100"',
            'metrics.hosts[0]: "relay:9100" is not the name of a host; write it alone, '
            'without a port, such as "relay.example.org"',
        )

    def test_whole(self) -> None:
        """A document that is no object is told as such."""
        for raw, text in ((5, "5"), ([], "[]"), (None, "null"), ("a", '"a"')):
            self._said(raw, f"{text} is not an object, which is written {{...}}")

    def test_types(self) -> None:
        """A missing type, an unknown one and one that is no text are told with the types that there
        are.
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
        document["outbounds"] = [{"tag": "a", "type": "http"}]
        self._said(
            document,
            'inbounds[0].type: this required key is missing; use one of "endpoint", "tcp", '
            '"udp", "unix", "unixgram"',
            'inbounds[1].type: "http" is not a type of inbound; use one of "endpoint", "tcp", '
            '"udp", "unix", "unixgram"',
            'inbounds[2].type: 5 is not a type of inbound; use one of "endpoint", "tcp", '
            '"udp", "unix", "unixgram"',
            'inbounds[3].type: ["unix"] is not a type of inbound; use one of "endpoint", '
            '"tcp", "udp", "unix", "unixgram"',
            "inbounds[4]: [] is not an object, which is written {...}",
            "inbounds[5]: null is not an object, which is written {...}",
            'outbounds[0].type: "http" is not a type of outbound; use one of "endpoint", '
            '"fork", "tcp", "udp", "unix", "unixgram"',
        )

    def test_empty_lists(self) -> None:
        """Without an inbound or an outbound there is nothing to run."""
        self._said(
            {"inbounds": [], "outbounds": []},
            "inbounds: at least one inbound is needed, or nobody could connect",
            "outbounds: at least one outbound is needed, or connections could go nowhere",
        )

    def test_repeated(self) -> None:
        """A key that is there twice is told with its place, beside what else is wrong."""
        text = (
            '{"inbounds": [{"type": "tcp", "tag": "a", "listen_port": 1, "listen_port": "x"}], '
            '"outbounds": []}'
        )
        said = str(self.assertRaises(ConfigError, parse_document, text, FOLDER, "f")).split("\n")
        self.assertEqual(said[0], "f: inbounds[0].listen_port: this key is given more than once")
        self.assertEqual(
            [line.split(": ")[1] for line in said[1:]], ["inbounds[0].listen_port", "outbounds"]
        )

    def test_unknown_key_hides_nothing(self) -> None:
        """Whether keys fit together is told even where there is an unknown key beside them."""
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
            "inbounds[0]: users are known by their certificates, which needs tls with a "
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
        """Half of a surrogate pair is told, and breaks nothing."""
        document = small()
        document["inbounds"][0]["path"] = "\ud800"
        document["inbounds"][0]["\udc00"] = 1
        self.assertIn("half of a surrogate pair", problems(document)[0])

    def test_odd_numbers(self) -> None:
        """Numbers that are none are told in one line as anything else."""
        for number in ("NaN", "-Infinity", "1e999", "-0.0", "9" * 400):
            said = str(
                self.assertRaises(
                    ConfigError, parse_document, f'{{"drain_timeout": {number}}}', FOLDER, "f"
                )
            )
            self.assertIn("f: drain_timeout: ", said)


class SizeTest(SynchronousTestCase):
    """Documents of people with many users."""

    def test_endless(self) -> None:
        """A file that is larger than any configuration, such as a device that never ends, is not
        read to its end.
        """
        text = str(self.assertRaises(ConfigError, read_document, "/dev/zero"))
        self.assertEqual(
            text,
            "/dev/zero: the file can't be read: it has more than 64 MiB, as no configuration has",
        )

    def _users(self, number: int) -> dict[str, Any]:
        document = small()
        document["inbounds"][0]["users"] = [
            {"name": f"user{index}", "uid": index} for index in range(number)
        ]
        document["experimental"] = {
            "v2ray_api": {
                "stats": {"enabled": True, "users": [f"user{index}" for index in range(number)]}
            }
        }
        return document

    def _wrong_users(self, number: int) -> dict[str, Any]:
        document = self._users(number)
        for user in document["inbounds"][0]["users"]:
            user["name"] += "x"
            user["uidd"] = "1"
        return document

    def _lines(self, document: object) -> int:
        """How many lines of Python run while a document is read."""
        lines = 0

        def trace(frame: object, event: str, argument: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            problems(document)
        finally:
            sys.settrace(before)
        return lines

    def test_thousand(self) -> None:
        """The work grows with the number of users and no faster, for right ones as well as for
        wrong ones.
        """
        self.assertEqual(len(problems(self._wrong_users(1000))), 2000)
        for make in (self._users, self._wrong_users):
            problems(make(1))
            little, much = self._lines(make(100)), self._lines(make(1000))
            self.assertGreater(little, 100)
            self.assertLess(much, 12 * little)
