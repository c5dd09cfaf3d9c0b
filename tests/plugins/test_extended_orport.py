"""The Extended ORPort, whose client is written here after the specification."""

from __future__ import annotations

import fcntl
import hmac
import itertools
import os
import stat
from hashlib import sha256
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.cookie import CookieFile
from pipetwist.plugins.extended_orport import MAX_BYTES, ExtendedOrPort, OrPortError
from tests.support.stranger import STRANGER, needs_root

_COOKIE, _NONCE, _OURS = b"c" * 32, b"n" * 32, b"o" * 32


def _hash(cookie: bytes, direction: bytes) -> bytes:
    words = b"ExtORPort authentication %s hash" % direction
    return hmac.new(cookie, words + _OURS + _NONCE, sha256).digest()


def _command(number: int, body: bytes = b"") -> bytes:
    return number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


_SHOWN = b"\1" + _OURS + _hash(_COOKIE, b"client-to-server")
_TOLD = _command(1, b"192.0.2.7:4711") + _command(2, b"obfs4") + _command(0xBEEF, b"?")
_WHOLE = _SHOWN + _TOLD + _command(0)


class ExchangeTest(SynchronousTestCase):
    """One exchange."""

    def setUp(self) -> None:
        """Begin it."""
        self.machine = ExtendedOrPort(_COOKIE, _NONCE)
        self.assertEqual(self.machine.outgoing(), b"\1\0")

    def refused(self, data: bytes) -> str:
        """Why it is refused."""
        return str(self.assertRaises(OrPortError, self.machine.receive, data))

    def test_done(self) -> None:
        """Both show that they know the cookie, the transport tells of its client, and what follows
        is the client's.
        """
        self.machine.receive(_SHOWN[:33])
        self.assertEqual(self.machine.outgoing(), _hash(_COOKIE, b"server-to-client") + _NONCE)
        self.machine.receive(_SHOWN[33:])
        self.assertEqual(self.machine.outgoing(), b"\1")
        rest = _TOLD + _command(0)
        self.assertEqual(self.machine.receive(rest + b"hello"), len(rest))
        self.assertEqual(self.machine.outgoing(), b"\x10\0\0\0")
        self.assertTrue(self.machine.done)
        self.assertEqual(
            (self.machine.client, self.machine.transport), (("192.0.2.7", 4711), "obfs4")
        )

    def test_address_of_ipv6(self) -> None:
        """An address of IPv6 stands in brackets."""
        self.machine.receive(_SHOWN + _command(1, b"[2001:db8::1]:1") + _command(0))
        self.assertEqual(self.machine.client, ("2001:db8::1", 1))

    def test_mapped_address(self) -> None:
        """An address of IPv4 that is written as one of IPv6 is that of IPv4, as everywhere."""
        self.machine.receive(_SHOWN + _command(1, b"[::ffff:192.0.2.7]:1") + _command(0))
        self.assertEqual(self.machine.client, ("192.0.2.7", 1))

    def test_silent(self) -> None:
        """One that does not say who its client is is done as well."""
        self.machine.receive(_SHOWN + _command(0))
        self.assertEqual((self.machine.done, self.machine.client), (True, None))

    def test_no_cookie(self) -> None:
        """One that does not know the cookie is told so, and has told nothing."""
        wrong = b"\1" + _OURS + _hash(b"x" * 32, b"client-to-server")
        self.assertEqual(self.refused(wrong + _TOLD), "it does not know the cookie")
        self.assertTrue(self.machine.outgoing().endswith(b"\0"))
        self.assertIsNone(self.machine.client)

    def test_other_authentication(self) -> None:
        """Another authentication is refused."""
        self.assertEqual(
            self.refused(b"\2"), "it chose the authentication 2, which was not offered"
        )

    def test_bad_address(self) -> None:
        """An address that is none is denied."""
        scoped = b"[fe80::1%eth0 \n]:1"
        for address in (
            *(b"localhost:1", b"127.0.0.1", b"127.0.0.1:0", b"127.0.0.1:65536", b"\xff", scoped),
        ):
            machine = self.machine = ExtendedOrPort(_COOKIE, _NONCE)
            self.assertIn("which is no address", self.refused(_SHOWN + _command(1, address)))
            self.assertTrue(machine.outgoing().endswith(b"\x10\1\0\0"))

    def test_bound(self) -> None:
        """One that says too much before it is done is refused."""
        self.machine.receive(_SHOWN)
        self.assertIn(f"more than {MAX_BYTES} bytes", self.refused(_command(9, b"x" * 40_000) * 2))

    @given(st.lists(st.integers(0, len(_WHOLE)), max_size=8))
    def test_any_pieces(self, cuts: list[int]) -> None:
        """In whatever pieces it comes, it is the same."""
        machine = ExtendedOrPort(_COOKIE, _NONCE)
        places = [0, *sorted(cuts), len(_WHOLE)]
        for start, end in itertools.pairwise(places):
            self.assertEqual(machine.receive(_WHOLE[start:end]), end - start)
        self.assertEqual((machine.done, machine.client), (True, ("192.0.2.7", 4711)))

    @given(st.binary(max_size=400), st.integers(0, len(_WHOLE)))
    def test_any_bytes(self, data: bytes, right: int) -> None:
        """Whatever follows a right beginning, it is refused or awaits more, and is done only with
        the cookie.
        """
        machine = ExtendedOrPort(_COOKIE, _NONCE)
        try:
            machine.receive(_WHOLE[:right] + data)
        except OrPortError:
            return
        if machine.done:
            self.assertGreaterEqual(right, len(_SHOWN))


class CookieTest(SynchronousTestCase):
    """The file of the cookie."""

    def test_file(self) -> None:
        """Only its user can read it, in a folder of its own; each is another, and none is left."""
        cookies = [CookieFile(None), CookieFile(None)]
        self.assertNotEqual(cookies[0].cookie, cookies[1].cookie)
        for one in cookies:
            path = Path(one.path)
            self.assertEqual(path.read_bytes(), b"! Extended ORPort Auth Cookie !\x0a" + one.cookie)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o400)
            self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
            one.remove()
            self.assertFalse(path.parent.exists())

    def test_aging(self) -> None:
        """It stays where old files are removed: systemd-tmpfiles(8) passes over a folder that it
        can't lock.
        """
        cookie = CookieFile(None)
        self.addCleanup(cookie.remove)
        folder = os.open(Path(cookie.path).parent, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        self.assertRaises(BlockingIOError, fcntl.flock, folder, fcntl.LOCK_SH | fcntl.LOCK_NB)

    @needs_root
    def test_user(self) -> None:
        """It belongs to the transport's user. What that puts in its place is not removed."""
        cookie = CookieFile(STRANGER)
        path = Path(cookie.path)
        self.assertEqual((path.stat().st_uid, path.parent.stat().st_uid), (STRANGER, STRANGER))
        victim = Path(self.mktemp())
        victim.mkdir()
        (victim / "cookie").write_bytes(b"important")
        moved = path.parent.with_name(f"{path.parent.name}-moved")
        path.parent.rename(moved)
        path.parent.symlink_to(victim.resolve())
        cookie.remove()
        self.assertTrue((victim / "cookie").exists())
        self.assertFalse((moved / "cookie").exists())
        path.parent.unlink()
        os.rmdir(moved)  # noqa: PTH106 - as the other side of the rename
