"""Who may act on open connections."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.collisions import collisions
from tests.support.documents import problems, read, small

_SERVER = {"certificate_path": "a.pem", "key_path": "a.key"}
_TLS = {**_SERVER, "client_certificate_path": "ca.pem"}
_PAGE = {"listen": "127.0.0.1:1", "tls": _TLS}


def _said(control: Any, metrics: Any = None, platform: str = "linux") -> list[str]:
    """What is said of a document with these two."""
    document = {**small(), "control": control, "metrics": metrics}
    return problems(document, platform)


class ListenTest(SynchronousTestCase):
    """Where the control service listens."""

    def test_good(self) -> None:
        """A unix socket, and a TCP port with certificates of clients, are good."""
        for control in (
            None,
            {},
            {"listen": "unix:control.sock"},
            {"listen": "unix:control.sock", "tls": {"enabled": False}},
            {"listen": "0.0.0.0:1", "tls": _TLS},
            {"listen": "127.0.0.1:1", "tls": _TLS, "page": False},
            {"listen": "127.0.0.1:1", "tls": _TLS},
        ):
            self.assertEqual(_said(control), [], control)

    def test_nobody_known(self) -> None:
        """Over TCP, on loopback too, it is an error where clients have no certificates."""
        for listen in ("127.0.0.1:1", "[::1]:1", "localhost:1", "0.0.0.0:1"):
            for tls in (None, _SERVER, {**_TLS, "enabled": False}):
                (line,) = _said({"listen": listen, "tls": tls})
                self.assertTrue(
                    line.startswith(f"control.listen: {listen} does not say who closes"), line
                )

    def test_tls_on_unix(self) -> None:
        """A unix socket has no TLS."""
        (line,) = _said({"listen": "unix:control.sock", "tls": _TLS})
        self.assertTrue(line.startswith("control.tls: a unix socket has no TLS"), line)

    def test_wrong(self) -> None:
        """No abstract name, whose clients nobody could keep out, no mode, and nothing insecure."""
        (line,) = _said({"listen": "unix:@control"})
        self.assertIn("every user of this machine", line)
        for key in ("listen_mode", "insecure"):
            (line,) = _said({"listen": "unix:control.sock", key: True})
            self.assertTrue(line.startswith(f"control.{key}: this key is not known here"), line)

    def test_platform(self) -> None:
        """Only Linux has it."""
        for platform in ("darwin", "win32", "freebsd14"):
            said = _said({"listen": "unix:c.sock"}, platform=platform)
            text = "only Linux says who calls the control service; leave the key out"
            mine = [line for line in said if line.startswith("control")]
            self.assertEqual(mine, [f"control.listen: {text}"])

    def test_same_port(self) -> None:
        """It takes no port that another listener has."""
        document = {
            **small(),
            "control": {"listen": "127.0.0.1:1", "tls": _TLS},
            "metrics": _PAGE,
        }
        (problem,) = collisions(read(document))
        self.assertEqual(
            str(problem),
            "metrics.listen: 127.0.0.1:1 is taken by the control service, which listens on "
            "127.0.0.1:1; choose another port, or leave one of the two out",
        )


class PageTest(SynchronousTestCase):
    """Whether the page may close connections."""

    def test_good(self) -> None:
        """It may where it knows who asks."""
        self.assertEqual(_said({"page": True}, _PAGE), [])

    def test_nobody_known(self) -> None:
        """It may not without a page, without TLS, and without certificates of clients."""
        for metrics in (
            None,
            {"listen": "127.0.0.1:1"},
            {"listen": "0.0.0.0:1", "insecure": True},
            {"listen": "127.0.0.1:1", "tls": _SERVER},
            {"listen": "127.0.0.1:1", "tls": {**_TLS, "enabled": False}},
        ):
            (line,) = _said({"page": True}, metrics)
            self.assertTrue(line.startswith("control.page: "), line)
            self.assertIn("client_certificate_path", line)
