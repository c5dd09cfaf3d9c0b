"""The file that says what clients of a pluggable transport need, in a folder of its user's."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.plugins.client_line import client_line, read_client_line, write_client_line
from tests.support.scratch import scratch_folder

_LINE = client_line("pt", "obfs4", {"cert": "x"}, 443)


class ClientLineTest(SynchronousTestCase):
    """The file, and what the transport's user may put in its place."""

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "pipetwist-client-obfs4.json"

    def read(self) -> str | None:
        """What is in it."""
        return read_client_line(str(self.folder), "obfs4")

    def test_written(self) -> None:
        """What is written is read, for its owner alone, and is replaced by what comes later."""
        self.assertIsNone(self.read())
        for line in ("{}", _LINE):
            write_client_line(str(self.folder), "obfs4", line)
            self.assertEqual(self.read(), line)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(list(self.folder.iterdir()), [self.path])

    def test_link(self) -> None:
        """A link is not followed, when it is read or written."""
        other = self.folder / "other"
        other.write_text("secret", encoding="utf-8")
        for name in (self.path.name, f"{self.path.name}.new"):
            (self.folder / name).symlink_to(other)
        self.assertRaises(OSError, self.read)
        write_client_line(str(self.folder), "obfs4", _LINE)
        self.assertEqual((self.read(), other.read_text(encoding="utf-8")), (_LINE, "secret"))

    def test_folder_is_link(self) -> None:
        """Nothing is written to a folder that is a link, which is said."""
        link = self.folder / "link"
        link.symlink_to(self.folder)
        error = self.assertRaises(OSError, write_client_line, str(link), "obfs4", _LINE)
        self.assertIn("state_path is a symbolic link", str(error.strerror))
        self.assertIsNone(self.read())

    def test_pipe(self) -> None:
        """Nobody waits for a pipe, from which nothing may ever come."""
        os.mkfifo(self.path)
        error = self.assertRaises(OSError, self.read)
        self.assertEqual(error.strerror, "it is no regular file")
        write_client_line(str(self.folder), "obfs4", _LINE)
        self.assertEqual(self.read(), _LINE)
