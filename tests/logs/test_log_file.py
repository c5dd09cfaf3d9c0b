"""The log's file, and those before it."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.logs.log_file import LogFile
from tests.support.scratch import scratch_folder


class _LogFileTestCase(SynchronousTestCase):
    """A log's folder."""

    def setUp(self) -> None:
        """Choose the file."""
        self.folder = scratch_folder(self)
        self.path = self.folder / "own.log"

    def open(self, max_size: int = 0, max_files: int = 0) -> LogFile:
        """Open it."""
        file = LogFile(str(self.path), max_size, max_files, lambda why: f"cannot: {why}\n".encode())
        self.addCleanup(file.close)
        return file

    def texts(self) -> dict[str, str]:
        """What each file has."""
        return {
            path.name: path.read_text(encoding="utf-8")
            for path in self.folder.iterdir()
            if path.is_file()
        }


class LogFileTest(_LogFileTestCase):
    """One file."""

    def test_appends(self) -> None:
        """It goes on behind what is there, and behind what others write meanwhile."""
        self.path.write_text("before\n", encoding="utf-8")
        file = self.open()
        with self.path.open("a", encoding="utf-8") as other:
            other.write("meanwhile\n")
        self.assertEqual(file.write(b"line\n"), (5, None))
        self.assertEqual(self.texts(), {"own.log": "before\nmeanwhile\nline\n"})
        self.assertEqual(repr(file), f"<LogFile {self.path}, 12 bytes>")

    def test_asked(self) -> None:
        """It is put aside when that is asked for; the new one has its mode."""
        file = self.open()
        self.path.chmod(0o640)
        for number in range(3):
            file.write(f"{number}\n".encode())
            file.rotate()
        self.assertEqual(
            self.texts(),
            {"own.log": "", "own.log.1": "2\n", "own.log.2": "1\n", "own.log.3": "0\n"},
        )
        self.assertEqual(
            {stat.S_IMODE(path.stat().st_mode) for path in self.folder.iterdir()}, {0o640}
        )

    def test_removed(self) -> None:
        """One that was removed is made again, and one that somebody else has put in its place is
        gone on with.
        """
        file = self.open()
        self.path.unlink()
        file.rotate()
        file.write(b"line\n")
        self.assertEqual(self.texts(), {"own.log": "line\n"})
        self.path.rename(self.path.with_suffix(".old"))
        self.path.write_text("another\n", encoding="utf-8")
        file.rotate()
        file.write(b"line\n")
        self.assertEqual(self.texts(), {"own.log": "another\nline\n", "own.old": "line\n"})

    def test_no_file(self) -> None:
        """A device or a pipe is written to, and never put aside."""
        file = LogFile("/dev/null", 1, 1, lambda _: b"")
        self.addCleanup(file.close)
        self.assertEqual(file.write(b"line\nline\n"), (10, None))
        file.rotate()
        self.assertTrue(stat.S_ISCHR(Path("/dev/null").stat().st_mode))

    def test_no_room(self) -> None:
        """What a full disk did not take is known."""
        file = LogFile("/dev/full", 0, 0, lambda _: b"")
        self.addCleanup(file.close)
        size, error = file.write(b"line\n")
        assert error is not None
        self.assertEqual((size, error.errno), (0, errno.ENOSPC))


class FullTest(_LogFileTestCase):
    """A file that is full."""

    def test_full(self) -> None:
        """Lines go to another file when they have no room; a line is never cut, be it longer than a
        file may be.
        """
        file = self.open(max_size=10)
        self.assertEqual(file.write(b"1234\n6789\nnext\na line that is long\nend\n"), (39, None))
        self.assertEqual(
            self.texts(),
            {
                "own.log": "end\n",
                "own.log.1": "a line that is long\n",
                "own.log.2": "next\n",
                "own.log.3": "1234\n6789\n",
            },
        )

    def test_full_before(self) -> None:
        """One that is full already at the start is put aside before the first line."""
        self.path.write_text("a line that is long\n", encoding="utf-8")
        self.open(max_size=10).write(b"line\n")
        self.assertEqual(self.texts(), {"own.log": "line\n", "own.log.1": "a line that is long\n"})

    def test_kept(self) -> None:
        """So many are kept, and those from before that are more are removed; other files are left
        alone.
        """
        others = (
            "own.log.x",
            "own.log.01",
            "own.log.1.gz",
            "own.log.0",
            "another.log.7",
            "own.log.\u0662",
        )
        for name in (*others, "own.log.1", "own.log.2", "own.log.3", "own.log.500"):
            (self.folder / name).write_text("before\n", encoding="utf-8")
        file = self.open(max_size=5, max_files=2)
        file.write(b"1234\n6789\n")
        kept = {"own.log": "6789\n", "own.log.1": "1234\n", "own.log.2": "before\n"}
        self.assertEqual(self.texts(), {**dict.fromkeys(others, "before\n"), **kept})

    def test_all_kept(self) -> None:
        """With 0 all are kept, and those behind a gap keep their names."""
        for number in (1, 2, 4, 500):
            (self.folder / f"own.log.{number}").write_text(f"{number}\n", encoding="utf-8")
        self.open(max_size=5).write(b"1234\n6789\n")
        self.assertEqual(
            self.texts(),
            {
                "own.log": "6789\n",
                "own.log.1": "1234\n",
                "own.log.2": "1\n",
                "own.log.3": "2\n",
                "own.log.4": "4\n",
                "own.log.500": "500\n",
            },
        )

    def test_can_not(self) -> None:
        """If it can't be put aside, that is said in it, once for as much as a file may have, and no
        line is lost.
        """
        (self.folder / "own.log.1").mkdir()
        file = self.open(max_size=100, max_files=1)
        line = b"x" * 39 + b"\n"
        for _ in range(6):
            self.assertEqual(file.write(line), (40, None))
        ((name, text),) = self.texts().items()
        self.assertEqual(name, "own.log")
        self.assertEqual(text.count(line.decode()), 6)
        self.assertEqual(text.count("cannot: "), 2, text)
        long = b"y" * 300 + b"\n"
        self.assertEqual(file.write(long * 3), (903, None))

    def test_link(self) -> None:
        """A link to a file elsewhere is followed, and the files before it stand there."""
        there = self.folder / "there"
        there.mkdir()
        self.path.symlink_to("there/real.log")
        self.open(max_size=5).write(b"1234\n6789\n")
        self.assertTrue(self.path.is_symlink())
        self.assertEqual({path.name for path in there.iterdir()}, {"real.log", "real.log.1"})

    @given(
        st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=30),
        st.integers(1, 30),
        st.data(),
    )
    def test_any_lines(self, lines: list[bytes], max_size: int, data: st.DataObject) -> None:
        """Whatever comes, all files together have it in its order, and no file is larger than it
        may be but for one line.
        """
        folder = scratch_folder(self)
        file = LogFile(str(folder / "own.log"), max_size, 0, lambda _: b"")
        cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=4)))
        for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
            file.write(b"".join(line + b"\n" for line in lines[begin:end]))
        file.close()
        names = sorted(
            (path for path in folder.iterdir() if path.suffix != ".log"),
            key=lambda path: -int(path.suffix[1:]),
        )
        texts = [path.read_bytes() for path in (*names, folder / "own.log")]
        self.assertEqual(b"".join(texts), b"".join(line + b"\n" for line in lines))
        for text in texts:
            self.assertTrue(len(text) <= max_size or text.count(b"\n") == 1, texts)
