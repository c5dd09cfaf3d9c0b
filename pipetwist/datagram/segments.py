"""Sends datagrams of one size as one message, which the kernel splits when it sends it:
UDP_SEGMENT, udp(7).

They pass through the kernel together. The receiver gets the same as if they had been sent one by
one.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
from functools import cache

from pipetwist.datagram.calls import (
    CONTROL_SIZE,
    DONT_WAIT,
    MESSAGE,
    VECTOR,
    address_of,
    batches_work,
    failure,
    sendmmsg,
)
from pipetwist.datagram.source import Source

__all__ = ["MIN_SEGMENTS", "Segments", "segments_work"]

_SOL_UDP, _UDP_SEGMENT = 17, 103
# A struct cmsghdr, cmsg(3), and the bytes of each datagram.
_SEGMENT_SIZE = struct.Struct("@NiiH0P")
_CONTROL_LENGTH = struct.calcsize("@NiiH")
MIN_SEGMENTS = 3
"""From this number on it is faster."""
_MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of linux/udp.h, which was 64 until Linux 6.9
_MAX_MESSAGE_BYTES = 65507
# The errors for a datagram that is larger than the route's MTU, and for a device that can't fill
# checksums in.
_TOO_LARGE = (errno.EINVAL, errno.EMSGSIZE)
_NEVER = errno.EIO


@cache
def segments_work() -> bool:
    """Whether this system splits messages: Linux before 4.18 would send them as they are."""
    if batches_work():
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial,
        ):
            trial.getsockopt(_SOL_UDP, _UDP_SEGMENT)
            return True
    return False


class Segments:
    """Sends datagrams that are neighbours in an array of ``struct iovec``.

    Args:
        vectors: where that is.
        target: where the name is that they may be sent to.
    """

    def __init__(self, vectors: int, target: int) -> None:
        self._vectors = vectors
        self._name = target
        self._message = bytearray(MESSAGE.size)
        self._control = bytearray(CONTROL_SIZE + _SEGMENT_SIZE.size)
        self._control_at = address_of(self._control)
        self._at = ctypes.c_void_p(address_of(self._message))
        self._max_bytes = _MAX_MESSAGE_BYTES  # the largest size that was not refused so far

    def send(
        self, opened: socket.socket, start: int, lengths: list[int], target: Source | None
    ) -> int:
        """Send the datagrams that have the same size as the first; none if that is not faster or
        not possible.

        Args:
            opened: a UDP socket.
            start: the place of the first.
            lengths: the bytes of each.
            target: where to; None for the socket's peer.

        Returns:
            How many the system has accepted; 0 if they must be sent one by one.

        Raises:
            OSError: the system accepts nothing now.
        """
        size = lengths[0]
        if not 0 < size <= self._max_bytes:
            return 0
        count = len(lengths)
        if lengths.count(size) != count:
            count = next(index for index, length in enumerate(lengths) if length != size)
        count = min(count, _MAX_SEGMENTS, _MAX_MESSAGE_BYTES // size)
        if count < MIN_SEGMENTS:
            return 0
        self._fill(start, count, size, target)
        if sendmmsg(opened.fileno(), self._at, 1, DONT_WAIT) == 1:
            return count
        error = failure()
        if error.errno in _TOO_LARGE:
            self._max_bytes = size - 1
        elif error.errno == _NEVER:
            self._max_bytes = 0
        else:
            raise error
        return 0

    def _fill(self, start: int, count: int, size: int, target: Source | None) -> None:
        name, name_length, control = 0, 0, b""
        if target is not None:
            name, name_length, control = self._name, len(target.name), target.control
            self._control[: len(control)] = control
        _SEGMENT_SIZE.pack_into(
            self._control, len(control), _CONTROL_LENGTH, _SOL_UDP, _UDP_SEGMENT, size
        )
        control_length = len(control) + _SEGMENT_SIZE.size
        MESSAGE.pack_into(
            self._message,
            0,
            name,
            name_length,
            self._vectors + start * VECTOR.size,
            count,
            self._control_at,
            control_length,
            0,
            0,
        )
