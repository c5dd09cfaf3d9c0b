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
from collections.abc import Set as AbstractSet
from typing import Any, cast

from pipetwist.packets.source import Source, source_of

__all__ = ["Batch", "batches_work"]

_HEADER = "@PIPNPNi0P"  # struct msghdr: name, its length, iovec, their number, control, its length, flags
_MESSAGE = struct.Struct(_HEADER + "I0P")  # struct mmsghdr: a header, and how many bytes it was
_VECTOR = struct.Struct("@PN")  # struct iovec
_NAME_LENGTH, _CONTROL_LENGTH, _FLAGS, _LENGTH = (struct.calcsize(parts) for parts in ("@P", "@PIPNP0P", "@PIPNPN", _HEADER))
_NAME_SIZE = 112  # sockaddr_un, the longest, unix(7)
_CONTROL_SIZE = 64
# As plain numbers: the arithmetic of an enumeration is Python.
_DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_CUT = int(getattr(socket, "MSG_TRUNC", 0))

_libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
_recvmmsg: Any = getattr(_libc, "recvmmsg", None)
_sendmmsg: Any = getattr(_libc, "sendmmsg", None)
# Neither has argtypes: with them ctypes takes half as long again for a call. A Python int goes as a C int, and every pointer is a c_void_p.
_NONE: frozenset[int] = frozenset()


def batches_work() -> bool:
    """Whether this system has these calls, in the layout that is used here."""
    return _recvmmsg is not None and _sendmmsg is not None and os.uname().sysname == "Linux"


class _Messages:
    """An array of ``struct mmsghdr``, and its fields of all messages at once."""

    def __init__(self, messages: list[tuple[int, ...]]) -> None:
        self.size = _MESSAGE.size
        memory = bytearray(b"".join(_MESSAGE.pack(*message) for message in messages))
        address = _address(memory)
        self.at = [ctypes.c_void_p(address + place * self.size) for place in range(len(messages))]
        """Where each is."""
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
        name: bytes of every sender's ``sockaddr``; 0 where they differ.
    """

    def __init__(self, count: int, largest: int, control: int = 0, name: int = 0) -> None:
        self.count = count
        self.largest = largest
        self.lengths: list[int] = []
        """The bytes of each."""
        self.cut: AbstractSet[int] = _NONE
        """The places of those that were longer than there is room for."""
        # Anonymous memory takes no room until something is written to it. The place behind the last is for what is sent alone.
        self._memory = mmap.mmap(-1, (count + 1) * largest)
        self._bytes = memoryview(self._memory)
        self._control = control
        self._name = name
        room = -(-(name or _NAME_SIZE) // 8) * 8
        self._room = room  # of a name, so that what comes after it is aligned
        self._slot = room + control
        self._each_source = struct.Struct(f"{self._slot}s")
        self._sources = bytearray(self._slot * count)
        self._senders = memoryview(self._sources)
        self._target = bytearray(_NAME_SIZE + _CONTROL_SIZE)
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
                    name or _NAME_SIZE,
                    ins + place * _VECTOR.size,
                    1,
                    sources + place * self._slot + room if control else 0,
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
            if self._control or not self._name:
                messages.restore(self._received)
            self._received = 0
        received: int = _recvmmsg(opened.fileno(), messages.at[0], self.count, _DONT_WAIT, None)
        if received < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return 0
            raise OSError(number, os.strerror(number))
        if received == 1:
            length = self._out_lengths[0] = messages.lengths[0]
            self.lengths = [length]
            self.cut = {0} if messages.flags[0] & _CUT else _NONE
        else:
            self.lengths = lengths = messages.lengths[:received].tolist()
            self._out_lengths[:received] = memoryview(array("L", lengths))
            flags = messages.flags[:received].tolist()
            self.cut = {place for place, flag in enumerate(flags) if flag & _CUT} if any(flags) else _NONE
        if not connected:
            self._received = received
        return received

    def runs(self) -> list[tuple[int, int, bytes]]:
        """What was received from anyone, cut where the sender changes.

        Returns:
            The first place of each run, the place after its last, and what `source` takes.
        """
        received = self._received
        if received == 0:
            return []
        senders = self._keys(received)
        sender = senders[0]
        if received == 1 or senders.count(sender) == received:
            return [(0, received, sender)]
        runs, start = [], 0
        for place, key in enumerate(senders):
            if key != sender:
                runs.append((start, place, sender))
                start, sender = place, key
        runs.append((start, received, sender))
        return runs

    def _keys(self, received: int) -> list[bytes]:
        slot = self._slot
        if self._name:
            if received == 1:
                return [self._senders[:slot].tobytes()]
            return [key for (key,) in self._each_source.iter_unpack(self._senders[: received * slot])]
        names, senders, room = self._from_anyone.name_lengths[:received].tolist(), self._senders, self._room
        places = range(0, received * slot, slot)
        return [bytes(senders[at : at + length]) + bytes(senders[at + room : at + slot]) for at, length in zip(places, names, strict=True)]

    def source(self, key: bytes) -> Source:
        """Who sent what `runs` gave this key."""
        length = len(key) - self._control
        return source_of(key[: self._name or length], key[length:])

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
        if target is None:
            if stop - start == 1:
                at = start * self.largest
                opened.send(self._bytes[at : at + self.lengths[start]])  # quicker than the call for many
                return 1
            messages = self._to_peer
        else:
            messages = self._aim(target)
        return _send(opened, messages.at[start], stop - start)

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
        _send(opened, self._aim(target).at[self.count], 1)

    def _aim(self, target: Source) -> _Messages:
        messages = self._to_one
        if target is not self._aimed_at:
            name, control = target.name, target.control
            self._target[: len(name)] = name
            if control:
                self._target[_NAME_SIZE : _NAME_SIZE + len(control)] = control
            before = self._aimed_at
            if before is None or len(before.name) != len(name) or len(before.control) != len(control):
                places = self.count + 1
                messages.name_lengths[:] = memoryview(array("I", [len(name)]) * places)
                messages.control_lengths[:] = memoryview(array("L", [len(control)]) * places)
            self._aimed_at = target
        return messages


def _send(opened: socket.socket, messages: ctypes.c_void_p, count: int) -> int:
    sent: int = _sendmmsg(opened.fileno(), messages, count, _DONT_WAIT)
    if sent < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return sent


def _address(memory: Any) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _field(memory: bytearray, kind: str, offset: int) -> memoryview:
    size = struct.calcsize(kind)
    fields: memoryview = memoryview(memory).cast(cast("Any", kind))
    return fields[offset // size :: _MESSAGE.size // size]
