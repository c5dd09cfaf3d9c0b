"""The part of a document that figures are written into: what stands between two of its lines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bench.processes import MeasureError

__all__ = ["Marked"]


class Marked(NamedTuple):
    """Such a part.

    Attributes:
        document: the document.
        begin: the line before.
        end: the line after.
    """

    document: Path
    begin: str
    end: str

    def around(self) -> tuple[str, str]:
        """What stands before and after it.

        Raises:
            MeasureError: the document has no place for figures.
        """
        text = self.document.read_text(encoding="utf-8") if self.document.exists() else ""
        before, begin, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not begin or not end:
            message = (
                f"{self.document} needs the lines {self.begin} and {self.end}, between which the "
                "figures go"
            )
            raise MeasureError(message)
        return before, after

    def write(self, text: str) -> None:
        """Put a text into its place.

        Raises:
            MeasureError: the document has no place for figures.
        """
        before, after = self.around()
        self.document.write_text(
            f"{before}{self.begin}\n\n{text}\n\n{self.end}{after}", encoding="utf-8"
        )
