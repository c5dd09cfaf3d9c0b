"""Many datagrams in one system call: recvmmsg(2) and sendmmsg(2), which Python does not offer.

The kernel's structures are laid out once, over memory that stays. What was received is sent on from where it lies: of a datagram nothing
is made in Python but its length.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from array import array
from collections.abc import Iterator
from typing import Any, cast

from pipetwist.packets.source import Source, source_of

__all__ = ["Batch", "batches_work"]

_HEADER = "@PIPNPNi0P"  # struct msghdr: name, its length, iovec, their number, control, its length, flags
_MESSAGE = struct.Struct(_HEADER + "I0P")  # struct mmsghdr: a header, and how many bytes it was
_VECTOR = struct.Struct("@PN")  # struct iovec
_NAME_LENGTH, _CONTROL_LENGTH, _FLAGS, _LENGTH = (struct.calcsize(parts) for parts in ("@P", "@PIPNP0P", "@PIPNPN", _HEADER))
_NAME_SIZE = 112  # sockaddr_un, the longest, unix(7)
_CONTROL_SIZE = 64
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_CUT = getattr(socket, "MSG_TRUNC", 0)

_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
_recvmmsg: Any = getattr(_libc, "recvmmsg", None)
_sendmmsg: Any = getattr(_libc, "sendmmsg", None)
if _recvmmsg is not None and _sendmmsg is not None:
    _recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    _sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


def batches_work() -> bool:
    """Whether this system has these calls, in the layout that is used here."""
    return _recvmmsg is not None and _sendmmsg is not None and os.uname().sysname == "Linux"


class _Messages:
    """An array of ``struct mmsghdr``, and its fields of all messages at once."""

    def __init__(self, messages: list[tuple[int, ...]]) -> None:
        self.size = _MESSAGE.size
        memory = bytearray(b"".join(_MESSAGE.pack(*message) for message in messages))
        self.address = _address(memory)
        self.bytes = memoryview(memory)
        self.pristine = memoryview(bytes(memory))
        self.name_lengths = _field(memory, "I", _NAME_LENGTH)
        self.control_lengths = _field(memory, "L", _CONTROL_LENGTH)
        self.flags = _field(memory, "I", _FLAGS)
        self.lengths = _field(memory, "I", _LENGTH)

    def restore(self, count: int) -> None:
        """Undo what the kernel has written into the first so many."""
        self.bytes[: count * self.size] = self.pristine[: count * self.size]


class Batch:
    """The datagrams that were received last.

    Args:
        count: how many at most.
        largest: bytes of the largest datagram; a longer one is cut, and stands in `cut`.
        control: bytes of ancillary data to receive with each.
    """

    def __init__(self, count: int, largest: int, control: int = 0) -> None:
        self.count = count
        self.largest = largest
        self.lengths: list[int] = []
        """The bytes of each."""
        self.cut: set[int] = set()
        """The places of those that were longer than there is room for."""
        # Anonymous memory takes no room until something is written to it. The place behind the last is for what is sent alone.
        self._memory = mmap.mmap(-1, (count + 1) * largest)
        self._bytes = memoryview(self._memory)
        self._control = control
        self._slot = _NAME_SIZE + _CONTROL_SIZE
        self._sources = bytearray(self._slot * count)
        self._target = bytearray(self._slot)
        self._aimed_at: Source | None = None
        self._received = 0
        data, sources, target = _address(self._memory), _address(self._sources), _address(self._target)
        places = range(count + 1)
        self._in_vectors = bytearray(b"".join(_VECTOR.pack(data + place * largest, largest) for place in places))
        self._out_vectors = bytearray(self._in_vectors)
        self._out_lengths = memoryview(self._out_vectors).cast("L")[1::2]
        ins, outs = _address(self._in_vectors), _address(self._out_vectors)
        self._from_peer = _Messages([(0, 0, ins + place * _VECTOR.size, 1, 0, 0, 0, 0) for place in places[:-1]])
        self._from_anyone = _Messages(
            [
                (
                    sources + place * self._slot,
                    _NAME_SIZE,
                    ins + place * _VECTOR.size,
                    1,
                    sources + place * self._slot + _NAME_SIZE if control else 0,
                    control,
                    0,
                    0,
                )
                for place in places[:-1]
            ]
        )
        self._to_peer = _Messages([(0, 0, outs + place * _VECTOR.size, 1, 0, 0, 0, 0) for place in places])
        self._to_one = _Messages([(target, 0, outs + place * _VECTOR.size, 1, target + _NAME_SIZE, 0, 0, 0) for place in places])

    def receive(self, opened: socket.socket, *, connected: bool) -> int:
        """Receive what waits, up to `count`.

        Args:
            opened: the socket.
            connected: whether it has one peer, so that nobody asks where a datagram came from.

        Returns:
            How many; 0 where none waits.

        Raises:
            OSError: what the socket has to report.
        """
        messages = self._from_peer
        if not connected:
            messages = self._from_anyone
            messages.restore(self._received)
            self._received = 0
        received: int = _recvmmsg(opened.fileno(), messages.address, self.count, _DONT_WAIT, None)
        if received < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return 0
            raise OSError(number, os.strerror(number))
        self.lengths = lengths = messages.lengths[:received].tolist()
        self._out_lengths[:received] = memoryview(array("L", lengths))
        flags = messages.flags[:received].tolist()
        self.cut = {place for place, flag in enumerate(flags) if flag & _CUT} if any(flags) else set()
        if not connected:
            self._received = received
        return received

    def runs(self) -> Iterator[tuple[int, int, bytes]]:
        """What was received from anyone, cut where the sender changes.

        Yields:
            The first place, the place after the last, and what `source` takes.
        """
        received, slot, messages = self._received, self._slot, self._from_anyone
        names = messages.name_lengths[:received].tolist()
        sources = bytes(memoryview(self._sources)[: received * slot])
        start = 0
        while start < received:
            first, length = sources[start * slot : (start + 1) * slot], names[start]
            stop = start + 1
            while stop < received and names[stop] == length and sources.startswith(first, stop * slot):
                stop += 1
            yield start, stop, first[:length] + first[_NAME_SIZE : _NAME_SIZE + self._control]
            start = stop

    def source(self, key: bytes) -> Source:
        """Who sent what `runs` gave this key."""
        length = len(key) - self._control
        return source_of(key[:length], key[length:])

    def data(self, place: int) -> bytes:
        """One datagram."""
        at = place * self.largest
        return bytes(self._bytes[at : at + self.lengths[place]])

    def send(self, opened: socket.socket, start: int, stop: int, target: Source | None = None) -> int:
        """Send on what was received, from one place up to before another.

        Args:
            opened: the socket.
            start: the first place.
            stop: the place after the last.
            target: where to; None for the socket's peer.

        Returns:
            How many the system has taken, one at least.

        Raises:
            OSError: it took none.
        """
        messages = self._to_peer if target is None else self._aim(target)
        sent: int = _sendmmsg(opened.fileno(), messages.address + start * messages.size, stop - start, _DONT_WAIT)
        if sent < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return sent

    def send_one(self, opened: socket.socket, data: bytes, target: Source) -> None:
        """Send one datagram that is not of this batch.

        Raises:
            OSError: the system has not taken it.
        """
        if len(data) > self.largest:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        at = self.count * self.largest
        self._bytes[at : at + len(data)] = data
        self._out_lengths[self.count] = len(data)
        self.send(opened, self.count, self.count + 1, target)

    def _aim(self, target: Source) -> _Messages:
        messages = self._to_one
        if target is not self._aimed_at:
            name, control = target.name, target.control
            self._target[: len(name)] = name
            self._target[_NAME_SIZE : _NAME_SIZE + len(control)] = control
            before = self._aimed_at
            if before is None or len(before.name) != len(name) or len(before.control) != len(control):
                places = self.count + 1
                messages.name_lengths[:] = memoryview(array("I", [len(name)]) * places)
                messages.control_lengths[:] = memoryview(array("L", [len(control)]) * places)
            self._aimed_at = target
        return messages


def _address(memory: Any) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _field(memory: bytearray, kind: str, offset: int) -> memoryview:
    size = struct.calcsize(kind)
    fields: memoryview = memoryview(memory).cast(cast("Any", kind))
    return fields[offset // size :: _MESSAGE.size // size]
