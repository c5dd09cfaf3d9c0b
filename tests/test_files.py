"""Files that are read again only where they have changed."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist import files
from pipetwist.files import KnownFiles, open_regular
from tests.support.scratch import scratch_folder

_LONG_AGO = 1_000_000_000_000_000_000


class KnownFilesTest(SynchronousTestCase):
    """A file that was changed long ago, and is read twice."""

    def setUp(self) -> None:
        """Write it."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "key.pem"
        self.write(self.path, b"first")
        self.unseen: list[str] = []
        self.files = KnownFiles(self.unseen.append)

    def write(self, path: Path, content: bytes, changed_ns: int = _LONG_AGO) -> None:
        """Write a file, as if at that time."""
        path.write_bytes(content)
        os.utime(path, ns=(changed_ns, changed_ns))

    def read(self) -> bytes:
        """What is said to be in it."""
        return self.files.read(str(self.path))

    def forbid(self, holder: object, name: str) -> None:
        """Have a call refused to this user, who may be root and could not be refused it
        otherwise.
        """

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(holder, name, refuse)

    def test_unchanged(self) -> None:
        """One whose inode, size and time are as before is not read again, whatever is in it and
        though it can't be read any more.
        """
        self.assertEqual(self.read(), b"first")
        self.write(self.path, b"other")
        self.forbid(files, "open_regular")
        self.assertEqual(self.read(), b"first")
        self.assertEqual(self.unseen, [])

    def test_changed(self) -> None:
        """Another time, another size or another file in its place: each is reason to read it
        again.
        """
        self.read()
        self.write(self.path, b"other", _LONG_AGO + 1)
        self.assertEqual(self.read(), b"other")
        self.write(self.path, b"longer", _LONG_AGO + 1)
        self.assertEqual(self.read(), b"longer")
        new = self.folder / "new"
        self.write(new, b"placed", _LONG_AGO + 1)
        new.replace(self.path)
        self.assertEqual(self.read(), b"placed")

    def test_changed_and_forbidden(self) -> None:
        """One that has changed, and can't be read any more, is an error: what was in it would not
        do.
        """
        self.read()
        self.write(self.path, b"longer")
        self.forbid(files, "open_regular")
        self.assertRaises(PermissionError, self.read)

    def test_young(self) -> None:
        """One that was changed right before it was read is read again where it can be: it may have
        changed without another time.
        """
        self.files = KnownFiles(self.unseen.append, lambda: _LONG_AGO + 1_000_000_000)
        self.read()
        self.write(self.path, b"other")
        self.assertEqual(self.read(), b"other")
        self.forbid(files, "open_regular")
        self.assertEqual(self.read(), b"other")

    def test_hidden(self) -> None:
        """One in a folder that this user may not search is taken as it was, and that is
        reported.
        """
        self.read()
        self.forbid(Path, "stat")
        self.assertEqual((self.read(), self.unseen), (b"first", [str(self.path)]))

    def test_gone(self) -> None:
        """One that was removed is missed."""
        self.read()
        self.path.unlink()
        self.assertRaises(FileNotFoundError, self.read)
        self.assertRaises(FileNotFoundError, self.files.read, str(self.folder / "never"))

    def test_no_file(self) -> None:
        """What is no file, or has more than certificates have, is an error at once: a pipe may have
        been put in its place, from which nothing ever comes.
        """
        self.read()
        self.path.unlink()
        os.mkfifo(self.path)
        error = self.assertRaises(OSError, self.read)
        self.assertEqual(error.strerror, "it is no regular file")
        self.assertRaises(OSError, self.files.read, "/dev/zero")
        self.path.unlink()
        self.path.write_bytes(b"")
        os.truncate(self.path, 1 << 40)
        self.assertIn("it is larger than", str(self.assertRaises(OSError, self.read)))

    def test_open_regular(self) -> None:
        """A file is found from a folder, too, and a link is no file where it says so."""
        link = self.folder / "link"
        link.symlink_to(self.path)
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        with open_regular("link", folder=folder) as file:
            self.assertEqual(file.read(), b"first")
        self.assertRaises(OSError, open_regular, "link", os.O_NOFOLLOW, folder)

    def test_unreadable(self) -> None:
        """Of the files that were read it is known which could not be read again."""
        self.read()
        other = self.folder / "certificate.pem"
        self.write(other, b"")
        self.files.read(str(other))
        self.assertEqual(self.files.unreadable(), [])
        self.patch(os, "access", _Access(str(self.path)))
        self.assertEqual(self.files.unreadable(), [str(self.path)])


class _Access:
    """os.access for a user who may not read one path."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, path: str, mode: int, **_: bool) -> bool:
        return path != self._path
