"""Reading files and texts."""

from __future__ import annotations

import json
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.document import Document, RouteOptions
from pipetwist.config.reading import parse_document, read_document
from pipetwist.errors import ConfigError
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.tcp import TcpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from tests.support.documents import full, read, small

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
                    UserOptions(name="alice", uid=1000),
                    UserOptions(name="staff", gid=50),
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
        """If the route names none, the first outbound is the final one, as in sing-box."""
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
        self.assertIn("json:1:6: ", str(self.assertRaises(ConfigError, read_document, path)))

    def test_names(self) -> None:
        """Problems begin with the file's name as it was given."""
        path = self._file(b"{}")
        said = str(self.assertRaises(ConfigError, read_document, path)).split("\n")
        self.assertEqual(
            said,
            [
                f"{path}:1:1: inbounds: this required key is missing",
                f"{path}:1:1: outbounds: this required key is missing",
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
            f"{path}:1:8: this is not UTF-8 text, from byte 7 on; save it as UTF-8",
        )
        path.write_bytes('\ufeff// \u00e9\n"\u00e9'.encode() + b"\xe9")
        self.assertIn(f"{path}:2:3: this", str(self.assertRaises(ConfigError, read_document, path)))

    def test_utf_16(self) -> None:
        """Another encoding of Unicode is named as what it is, with a mark or without."""
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            path = self._file('{"log": {}}'.encode(encoding))
            self.assertIn(
                f"{path}: the file can't be read: it is UTF-16, as some editors on Windows",
                str(self.assertRaises(ConfigError, read_document, path)),
            )

    def test_syntax(self) -> None:
        """A mistake in the writing is reported with its line and column."""
        path = self._file(b'{\n  "inbounds": [,]\n}')
        self.assertEqual(
            str(self.assertRaises(ConfigError, read_document, path)),
            f'{path}:2:16: "," is not valid JSON here',
        )
