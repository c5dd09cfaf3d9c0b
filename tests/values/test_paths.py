"""Paths of files and of unix sockets."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.values.paths import is_abstract, parse_path, parse_unix_path, unix_sockaddr

_FOLDER = Path("/etc/pipetwist")


class PathsTest(SynchronousTestCase):
    """Paths of files."""

    def test_absolute(self) -> None:
        """An absolute path stays."""
        self.assertEqual(parse_path("/run/key.pem", _FOLDER), "/run/key.pem")

    def test_relative(self) -> None:
        """A relative path is relative to the configuration's folder; what stands before a '..' may
        be a link, so both stay.
        """
        self.assertEqual(parse_path("./key.pem", _FOLDER), "/etc/pipetwist/key.pem")
        self.assertEqual(parse_path("link/../key.pem", _FOLDER), "/etc/pipetwist/link/../key.pem")

    def test_refused(self) -> None:
        """Other types, an empty text and a NUL are refused."""
        for raw in ("", "a\0b", 5, None, ["a"]):
            self.assertIn(
                "is not a path", str(self.assertRaises(ValueError, parse_path, raw, _FOLDER))
            )

    def test_of_shells(self) -> None:
        """What a shell would replace is refused, with what to write; a name that only looks alike
        is taken.
        """
        for raw, said in (
            ("~/key.pem", 'or "./~/key.pem" for a file of that name'),
            ("~", "home directory"),
            ("~alice/key.pem", "home directory"),
            ("${HOME}/key.pem", "has ${HOME} in it"),
            ("/run/${X}/key.pem", "has ${X} in it"),
        ):
            self.assertIn(said, str(self.assertRaises(ValueError, parse_path, raw, _FOLDER)))
        for raw in ("a~", "./~/key.pem", "/~/x", "$x", "${}"):
            self.assertEqual(parse_path(raw, _FOLDER), str(_FOLDER / raw))


class UnixPathsTest(SynchronousTestCase):
    """Paths of unix sockets."""

    def test_file(self) -> None:
        """A path is made absolute; one that begins with '@' is written with './' before it."""
        self.assertEqual(parse_unix_path("in.sock", _FOLDER), "/etc/pipetwist/in.sock")
        self.assertEqual(parse_unix_path("./@in", _FOLDER), "/etc/pipetwist/@in")

    def test_abstract(self) -> None:
        """Abstract names stay as they are written."""
        for name in ("@name", "@@name", "@a/b"):
            self.assertEqual(parse_unix_path(name, _FOLDER), name)
            self.assertTrue(is_abstract(name))

    def test_mode_behind(self) -> None:
        """A file mode behind a path, as Xray and socat write it, is refused, with where it goes."""
        for raw, path, mode in (
            ("/run/x.sock,0666", "/run/x.sock", "0666"),
            ("x.sock,666", "x.sock", "666"),
            ("@name,0666", "@name", "0666"),
            ("/run/x.sock,mode=660", "/run/x.sock", "660"),
            ("/run/x.sock:0666", "/run/x.sock", "0666"),
        ):
            said = str(self.assertRaises(ValueError, parse_unix_path, raw, _FOLDER))
            self.assertIn(f'"{path}", and of an inbound "mode": "{mode}"', said)
        for raw in ("/run/x:666", "/run/x,6660", "/run/x,0888", "/run/x,0666/y", "/run/x0666"):
            self.assertEqual(parse_unix_path(raw, _FOLDER), raw)

    def test_refused(self) -> None:
        """An abstract name of nothing is refused, and so is what is no path."""
        for raw in ("@", "@@", "@a\0"):
            self.assertIn(
                "not an abstract name",
                str(self.assertRaises(ValueError, parse_unix_path, raw, _FOLDER)),
            )
        others: tuple[object, ...] = ("", 5, None, "a\0")
        for other in others:
            self.assertIn(
                "is not a path", str(self.assertRaises(ValueError, parse_unix_path, other, _FOLDER))
            )

    def test_address(self) -> None:
        """An address is refused, which would make a folder's name of ``unix:``; what to write is
        reported, and what for a file of such a name.
        """
        self.assertEqual(
            str(self.assertRaises(ValueError, parse_unix_path, "unix:/run/in.sock", _FOLDER)),
            '"unix:/run/in.sock" is an address; write the path alone, "/run/in.sock", or '
            '"./unix:/run/in.sock" for a file of that name',
        )
        self.assertIn(
            'alone, "/run/in.sock"',
            str(self.assertRaises(ValueError, parse_unix_path, "unix:", _FOLDER)),
        )
        self.assertEqual(parse_unix_path("./unix:in", _FOLDER), "/etc/pipetwist/unix:in")

    def test_length(self) -> None:
        """The longest path that the kernel takes is taken, one byte more is refused with the limit;
        bytes count, not characters.
        """
        folder = Path("/")
        self.assertEqual(len(parse_unix_path("a" * 106, folder)), 107)
        for raw in ("a" * 107, "é" * 54):
            self.assertIn(
                "may have 107", str(self.assertRaises(ValueError, parse_unix_path, raw, folder))
            )

    def test_length_of_abstract(self) -> None:
        """An abstract name may fill the kernel's whole address, which begins with a NUL."""
        for longest in ("@" + "a" * 107, "@@" + "a" * 107):
            self.assertEqual(len(unix_sockaddr(parse_unix_path(longest, _FOLDER))), 108)
            self.assertIn(
                "may have 108",
                str(self.assertRaises(ValueError, parse_unix_path, longest + "a", _FOLDER)),
            )

    def test_relative_length(self) -> None:
        """A path that is too long only with the configuration's folder is refused too."""
        self.assertRaises(ValueError, parse_unix_path, "in.sock", Path("/" + "d" * 105))

    def test_addresses(self) -> None:
        """The kernel is given a path as it is, an abstract name behind a NUL, and a padded one with
        NULs to 108 bytes.
        """
        self.assertEqual(unix_sockaddr("/run/é"), "/run/é".encode())
        self.assertEqual(unix_sockaddr("@name"), b"\0name")
        self.assertEqual(unix_sockaddr("@@name"), b"\0name" + b"\0" * 103)

    @skipIf(sys.platform != "linux", "abstract names are Linux's")
    def test_kernel(self) -> None:
        """The kernel takes the longest abstract name, and holds a padded name apart from the plain
        one.
        """
        name = f"pipetwist-{os.getpid()}"
        for path in (f"@{name}".ljust(108, "x"), f"@{name}", f"@@{name}"):
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(unix_sockaddr(parse_unix_path(path, _FOLDER)))
            self.assertEqual(listener.getsockname(), unix_sockaddr(path))
