"""The text of a configuration, and where in it something was found."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipetwist.config.places import Place, place_of_index, places
from pipetwist.config.problems import Problem
from pipetwist.errors import ConfigError

__all__ = ["STANDARD_INPUT", "Finding", "InvalidConfigError", "Source", "unmarked"]

STANDARD_INPUT = "-"
"""The name that stands for standard input."""

_MAX_BYTES = 64 * 1024**2  # some hundred thousand users need less


@dataclass(frozen=True)
class Finding:
    """Something that was found in a file.

    Attributes:
        file: the file's name.
        problem: what it is.
        place: where in the file; None if the file has no text.
    """

    file: str
    problem: Problem
    place: Place | None

    def __str__(self) -> str:
        """One line, which begins as compilers' do, so that editors jump to the place."""
        return f"{self.label}: {self.problem}"

    @property
    def label(self) -> str:
        """The file and the place."""
        if self.place is None:
            return self.file
        return f"{self.file}:{self.place.line}:{self.place.column}"


class InvalidConfigError(ConfigError):
    """A configuration that can't be used.

    Args:
        findings: its problems, at least one.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


@dataclass(frozen=True)
class Source:
    """The text of a configuration.

    Attributes:
        name: the file's name, for messages.
        folder: what relative paths in it are relative to.
        text: its text.
    """

    name: str
    folder: Path
    text: str

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> Source:
        """Read a file.

        Args:
            path: the file; relative paths in it are relative to its folder.

        Raises:
            InvalidConfigError: it can't be read.
        """
        name = os.fspath(path)
        try:
            with Path(name).open("rb") as file:
                return cls(name, Path(name).parent, _text(file.read(_MAX_BYTES + 1)))
        except (OSError, ValueError) as error:
            raise _unreadable(name, error) from None

    @classmethod
    def of_standard_input(cls) -> Source:
        """Read standard input; relative paths in it are relative to the current folder.

        Raises:
            InvalidConfigError: it can't be read.
        """
        name = "<standard input>"
        try:
            return cls(name, Path(), _text(sys.stdin.buffer.read(_MAX_BYTES + 1)))
        except (OSError, ValueError) as error:
            raise _unreadable(name, error) from None

    def locate(self, problems: Iterable[Problem]) -> list[Finding]:
        """Find the place of each problem. The text must be valid JSON5."""
        listed = list(problems)
        if not listed:
            return []
        found = places(self.text, [problem.key_path for problem in listed])
        return [Finding(self.name, problem, found[problem.key_path]) for problem in listed]


def _text(content: bytes) -> str:
    if len(content) > _MAX_BYTES:
        message = f"it is larger than {_MAX_BYTES // 1024**2} MiB; no configuration is"
        raise ValueError(message)
    return unmarked(content).decode()


def unmarked(content: bytes) -> bytes:
    """A text that should be UTF-8, without the mark that editors on Windows begin it with.

    Args:
        content: the text.

    Raises:
        ValueError: it is UTF-16.
    """
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in content[:2]:
        message = "it is UTF-16, as some editors on Windows write; save it as UTF-8"
        raise ValueError(message)
    return content.removeprefix(BOM_UTF8)


def _unreadable(name: str, error: Exception) -> InvalidConfigError:
    place = None
    if isinstance(error, UnicodeDecodeError):
        text = f"this is not UTF-8 text, from byte {error.start} on; save it as UTF-8"
        before = error.object[: error.start].decode()
        place = place_of_index(before, len(before))
    else:
        text = f"the file can't be read: {getattr(error, 'strerror', None) or error}"
    return InvalidConfigError([Finding(name, Problem((), text), place)])
