"""The log's file, and older ones: ``FILE.1`` is the latest of them, as Twisted names log files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from pipetwist.logs.file_opening import Owner, open_log_file, real_path
from pipetwist.logs.outputs import write_all
from pipetwist.logs.writer import Written

__all__ = ["LogFile"]


class LogFile:
    """A file that is renamed when it is full. Only the thread that writes the log may use it.

    If it can't be renamed, a line in it says so, and it may grow by the same size again.

    Args:
        path: the file; a link is followed, and the older files are beside its target.
        max_size: the maximum of bytes, unless a single line is longer; 0 for no limit.
        max_files: how many full ones are kept; 0 for all.
        cannot: makes the line that says why the file can't be renamed.
        owner: of a new file; None for the user who opens it.
        mode: of a new file; None for 0666 and the umask.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(
        self,
        path: str,
        max_size: int,
        max_files: int,
        cannot: Callable[[str], bytes],
        owner: Owner | None = None,
        mode: int | None = None,
    ) -> None:
        self._path = real_path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps "..", and resolve would follow any link
        self._max_size = max_size
        self._max_files = max_files
        self._cannot = cannot
        self._descriptor = open_log_file(self._path, mode, owner)
        self._begin()

    def __repr__(self) -> str:
        return f"<LogFile {self._path}, {self._size} bytes>"

    def write(self, data: bytes) -> Written:
        count = 0
        while count < len(data):
            end = self._end_of_piece(data, count)
            if end == count:
                if self._put_aside():
                    continue
                end = data.find(b"\n", count) + 1 or len(data)
            written = write_all(self._descriptor, data[count:end])
            count += written.size
            self._size += written.size
            if written.error is not None:
                return Written(count, written.error)
        return Written(count)

    def rotate(self) -> None:
        """See `pipetwist.logs.writer.Output`. If it was removed or renamed by somebody else, it is
        only created again.
        """
        if self._regular:
            self._put_aside()

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def _end_of_piece(self, data: bytes, begin: int) -> int:
        """The end of the lines that this file has room for."""
        if not self._max_size or not self._regular or len(data) - begin <= self._limit - self._size:
            return len(data)
        end = data.rfind(b"\n", begin, max(begin + self._limit - self._size, begin)) + 1
        if end or self._size:
            return end or begin
        return data.find(b"\n", begin) + 1 or len(data)

    def _begin(self) -> None:
        file = os.fstat(self._descriptor)
        # A file in /proc belongs to somebody else, such as a shell that has redirected standard
        # output.
        self._regular = stat.S_ISREG(file.st_mode) and not self._path.startswith("/proc/")
        self._size = file.st_size if self._regular else 0
        self._limit = self._max_size

    def _put_aside(self) -> bool:
        """Continue in a new file, and return whether that is empty."""
        try:
            file = os.fstat(self._descriptor)
            if self._is_there(file):
                self._rename()
            descriptor = open_log_file(
                self._path, stat.S_IMODE(file.st_mode), (file.st_uid, file.st_gid)
            )
        except OSError as error:
            line = self._cannot(f"{error.strerror}: {error.filename or self._path}")
            self._size += write_all(self._descriptor, line).size
            self._limit = self._size + self._max_size
            return False
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._begin()
        return not self._size

    def _is_there(self, file: os.stat_result) -> bool:
        try:
            return os.path.samestat(os.lstat(self._path), file)
        except FileNotFoundError:
            return False

    def _rename(self) -> None:
        """Rename older files to make room for another ``FILE.1``, and remove those beyond the
        limit.
        """
        numbers = self._numbers()
        if self._max_files:
            for number in sorted(numbers):
                if number >= self._max_files:
                    os.unlink(self._numbered(number))  # noqa: PTH108 - the paths are texts, see above
                    numbers.discard(number)
        # After a gap the names need not change.
        last = 0
        while last + 1 in numbers:
            last += 1
        for number in range(last, 0, -1):
            os.replace(self._numbered(number), self._numbered(number + 1))  # noqa: PTH105 - as above
        os.replace(self._path, self._numbered(1))  # noqa: PTH105 - as above

    def _numbers(self) -> set[int]:
        prefix = f"{Path(self._path).name}."
        ends = [
            entry.name.removeprefix(prefix)
            for entry in Path(self._path).parent.iterdir()
            if entry.name.startswith(prefix)
        ]
        return {
            int(end) for end in ends if end.isascii() and end.isdigit() and not end.startswith("0")
        }

    def _numbered(self, number: int) -> str:
        return f"{self._path}.{number}"
