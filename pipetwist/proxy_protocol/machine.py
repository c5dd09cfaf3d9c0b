"""Tells a header's bytes from those that follow it, in whatever pieces they come. The beginning of
a header is left where it is until it is certain that it is one.

::

    SIGNATURE ──▶ LINE ─────────────────▶ COMPLETE
        └───────▶ FIXED ──▶ BLOCK ────────▶ ▲
"""

from __future__ import annotations

from enum import Enum

from pipetwist.proxy_protocol.header import Header, HeaderError, NoHeaderError
from pipetwist.proxy_protocol.parsing import FIXED_BYTES, block_bytes, parse_block, parse_line

__all__ = ["MAX_HEADER_BYTES", "HeaderMachine", "State"]

MAX_HEADER_BYTES = 4096
"""A longer one is refused. No address and no TLV that there is needs as much."""

_LINE_SIGNATURE = b"PROXY "
_BLOCK_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_CRLF = b"\r\n"
_MAX_LINE_BYTES = 107


class State(Enum):
    """Where a machine is."""

    SIGNATURE = "the signature"
    LINE = "the end of the line"
    FIXED = "the length"
    BLOCK = "the addresses"
    COMPLETE = "nothing more"


class HeaderMachine:
    """Takes the bytes of one header."""

    __slots__ = ("_needed", "_taken", "header", "state")

    def __init__(self) -> None:
        self._taken = bytearray()
        self._needed = FIXED_BYTES
        self.header: Header | None = None
        """The header; None until it is complete."""
        self.state = State.SIGNATURE

    def __repr__(self) -> str:
        return f"<HeaderMachine {len(self._taken)} bytes, waits for {self.state.value}>"

    def take(self, data: bytes) -> int:
        """Take what belongs to the header.

        Args:
            data: what has come, and was not taken before.

        Returns:
            How many of these bytes it took, from the first on. The others are to be given to it
            once more when there are more of them, or follow the header if that is complete.

        Raises:
            NoHeaderError: no header begins so. Nothing was taken.
            HeaderError: there is something wrong with the header.
        """
        if self.state is State.SIGNATURE:
            self._look(data)
        before = len(self._taken)
        if self.state is State.LINE:
            self._take_line(data)
        elif self.state in (State.FIXED, State.BLOCK):
            self._take_block(data)
        return len(self._taken) - before

    def _look(self, data: bytes) -> None:
        for signature, state in ((_LINE_SIGNATURE, State.LINE), (_BLOCK_SIGNATURE, State.FIXED)):
            if data.startswith(signature):
                self.state = state
                return
            if signature.startswith(data):
                return
        message = f"it begins with {data[:20]!r}"
        raise NoHeaderError(message)

    def _take_line(self, data: bytes) -> None:
        taken = self._taken
        before = len(taken)
        taken += data[: _MAX_LINE_BYTES - before]
        end = taken.find(_CRLF, max(before - 1, 0))
        if end < 0:
            if len(taken) == _MAX_LINE_BYTES:
                message = f"its line is longer than {_MAX_LINE_BYTES} bytes"
                raise HeaderError(message)
            return
        del taken[end + len(_CRLF) :]
        self._complete(parse_line(bytes(taken)))

    def _take_block(self, data: bytes) -> None:
        taken = self._taken
        missing = self._needed - len(taken)
        taken += data[:missing]
        if len(taken) < self._needed:
            return
        if self.state is State.FIXED:
            size = block_bytes(bytes(taken))
            self._needed += size
            if self._needed > MAX_HEADER_BYTES:
                message = f"it has {self._needed:,} bytes, more than {MAX_HEADER_BYTES:,}"
                raise HeaderError(message)
            self.state = State.BLOCK
            self._take_block(data[missing:])
        else:
            self._complete(parse_block(bytes(taken)))

    def _complete(self, header: Header) -> None:
        self.header = header
        self.state = State.COMPLETE
