"""What platforms lack."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import problems

_UNIX = {
    "inbounds": [
        {"type": "unix", "tag": "a", "path": "@in"},
        {"type": "tcp", "tag": "b", "listen_port": 0},
        {"type": "unix", "tag": "c", "path": "in.sock", "users": [{"name": "alice", "uid": 1}]},
    ],
    "outbounds": [
        {"type": "tcp", "tag": "d", "server": "localhost", "server_port": 1},
        {"type": "unix", "tag": "e", "path": "out.sock"},
    ],
    "experimental": {"v2ray_api": {"listen": "unix:api.sock"}},
}
_TCP = {
    "inbounds": [
        {"type": "tcp", "tag": "in", "listen_port": 0},
        {"type": "endpoint", "tag": "e", "endpoint": "tcp:0"},
    ],
    "outbounds": [
        {"type": "tcp", "tag": "out", "server": "localhost", "server_port": 1},
        {"type": "fork", "tag": "f", "command": ["cat"]},
    ],
    "experimental": {"v2ray_api": {"listen": "127.0.0.1:0"}},
}


class PlatformTest(SynchronousTestCase):
    """One document on several platforms."""

    def test_windows(self) -> None:
        """On Windows every unix inbound and outbound, and a unix socket of the API, is an error
        that says so.
        """
        said = problems(_UNIX, "win32")
        key_paths = [
            "inbounds[0].type",
            "inbounds[2].type",
            "outbounds[1].type",
            "experimental.v2ray_api.listen",
        ]
        self.assertEqual([line.split(": ")[0] for line in said], key_paths)
        for line in said:
            self.assertIn("Windows has no unix sockets", line)

    def test_rest_on_windows(self) -> None:
        """On Windows everything else is good."""
        self.assertEqual(problems(_TCP, "win32"), [])

    def test_linux(self) -> None:
        """On Linux all of it is good."""
        self.assertEqual(problems(_UNIX, "linux"), [])

    def test_others(self) -> None:
        """On other systems abstract names and users by the kernel's word are errors, and other unix
        sockets are good.
        """
        self.assertEqual(
            problems(_UNIX, "darwin"),
            [
                "inbounds[0].path: only Linux has abstract names; write a path",
                (
                    "inbounds[2].users: only Linux tells who a peer is; leave the key out, and "
                    "let the socket's mode decide"
                ),
            ],
        )

    def test_vsock(self) -> None:
        """Only Linux has vsock."""
        document = {
            "inbounds": [{"type": "vsock", "tag": "a", "port": 1024}],
            "outbounds": [{"type": "vsock", "tag": "b", "cid": 2, "port": 1024}],
        }
        self.assertEqual(problems(document, "linux"), [])
        for platform in ("darwin", "win32"):
            self.assertEqual(
                problems(document, platform),
                [
                    f"{place}.type: only Linux has vsock; use another type"
                    for place in ("inbounds[0]", "outbounds[0]")
                ],
            )

    def test_broken(self) -> None:
        """A document that is wrong elsewhere is looked at all the same."""
        said = problems(
            {"inbounds": [{"type": "unix", "users": 5, "path": 7}, 3], "outbounds": {}}, "win32"
        )
        self.assertIn(
            "inbounds[0].type: Windows has no unix sockets; use the type tcp or endpoint", said
        )
        self.assertIn("outbounds: {} is not a list, which is written [...]", said)
