"""Many datagrams in one system call.

The kernel's structures are laid out once, over memory that is reused. Received datagrams are sent
from the same memory: Python makes no object for a datagram but its length.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import struct
import sys
from array import array
from collections.abc import Set as AbstractSet

from pipetwist.datagram.calls import (
    CONTROL_SIZE,
    DONT_WAIT,
    NAME_SIZE,
    VECTOR,
    Messages,
    address_of,
    failure,
    recvmmsg,
    sendmmsg,
)
from pipetwist.datagram.segments import MIN_SEGMENTS, Segments
from pipetwist.datagram.source import Source, source_of

__all__ = ["Batch"]

_CUT = int(getattr(socket, "MSG_TRUNC", 0))
_NONE: frozenset[int] = frozenset()


class Batch:
    """The datagrams that were received last.

    Args:
        count: how many at most.
        max_bytes: bytes of the largest datagram; a longer one is cut, and listed in `cut`.
        control: bytes of ancillary data to receive with each.
        name: bytes of every sender's ``sockaddr``; 0 if they differ.
    """

    def __init__(self, count: int, max_bytes: int, control: int = 0, name: int = 0) -> None:
        self.count = count
        self.max_bytes = max_bytes
        self.lengths: list[int] = []
        """The length of each datagram."""
        self.cut: AbstractSet[int] = _NONE
        """The indices of those that were cut."""
        # Anonymous memory uses no room until it is written to. The place after the last one is for
        # single datagrams that are sent.
        self._memory = mmap.mmap(-1, (count + 1) * max_bytes)
        self._bytes = memoryview(self._memory)
        self._control = control
        self._name = name
        room = -(-(name or NAME_SIZE) // 8) * 8
        self._room = room  # alignment of what follows a name
        self._slot = room + control
        self._each_source = struct.Struct(f"{self._slot}s")
        self._sources = bytearray(self._slot * count)
        self._senders = memoryview(self._sources)
        self._target = bytearray(NAME_SIZE + CONTROL_SIZE)
        self._aimed_at: Source | None = None
        self._received = 0
        data, sources, target = (
            address_of(self._memory),
            address_of(self._sources),
            address_of(self._target),
        )
        indexes = range(count + 1)
        self._in_vectors = bytearray(
            b"".join(VECTOR.pack(data + index * max_bytes, max_bytes) for index in indexes)
        )
        self._out_vectors = bytearray(self._in_vectors)
        self._out_lengths = memoryview(self._out_vectors).cast("L")[1::2]
        ins, outs = address_of(self._in_vectors), address_of(self._out_vectors)
        self._from_peer = Messages(
            [(0, 0, ins + index * VECTOR.size, 1, 0, 0, 0, 0) for index in indexes[:-1]]
        )
        self._from_anyone = Messages(
            [
                (
                    sources + index * self._slot,
                    name or NAME_SIZE,
                    ins + index * VECTOR.size,
                    1,
                    sources + index * self._slot + room if control else 0,
                    control,
                    0,
                    0,
                )
                for index in indexes[:-1]
            ]
        )
        self._to_peer = Messages(
            [(0, 0, outs + index * VECTOR.size, 1, 0, 0, 0, 0) for index in indexes]
        )
        self._segments = Segments(outs, target)
        self._to_one = Messages(
            [
                (target, 0, outs + index * VECTOR.size, 1, target + NAME_SIZE, 0, 0, 0)
                for index in indexes
            ]
        )

    def receive(self, opened: socket.socket, *, connected: bool, most: int = sys.maxsize) -> int:
        """Receive waiting datagrams, up to `count`.

        Args:
            opened: the socket.
            connected: whether it has one peer, so that senders are not needed.
            most: how many at most, if fewer than `count`.

        Returns:
            How many; 0 if none waits.

        Raises:
            OSError: the pending error of the socket.
        """
        messages = self._from_peer
        if not connected:
            messages = self._from_anyone
            if self._control or not self._name:
                messages.restore(self._received)
            self._received = 0
        received: int = recvmmsg(
            opened.fileno(), messages.at[0], min(self.count, most), DONT_WAIT, None
        )
        if received < 0:
            error = failure()
            if error.errno in (errno.EAGAIN, errno.EINTR):
                return 0
            raise error
        if received == 1:
            length = self._out_lengths[0] = messages.lengths[0]
            self.lengths = [length]
            self.cut = {0} if messages.flags[0] & _CUT else _NONE
        else:
            self.lengths = lengths = messages.lengths[:received].tolist()
            self._out_lengths[:received] = memoryview(array("L", lengths))
            flags = messages.flags[:received].tolist()
            self.cut = (
                {index for index, flag in enumerate(flags) if flag & _CUT} if any(flags) else _NONE
            )
        if not connected:
            self._received = received
        return received

    def runs(self) -> list[tuple[int, int, bytes]]:
        """The received datagrams, divided where the sender changes.

        Returns:
            For each run its first index, the index after its last, and the key for `source`.
        """
        received = self._received
        if received == 0:
            return []
        senders = self._keys(received)
        sender = senders[0]
        if received == 1 or senders.count(sender) == received:
            return [(0, received, sender)]
        runs, start = [], 0
        for index, key in enumerate(senders):
            if key != sender:
                runs.append((start, index, sender))
                start, sender = index, key
        runs.append((start, received, sender))
        return runs

    def _keys(self, received: int) -> list[bytes]:
        slot = self._slot
        if self._name:
            if received == 1:
                return [self._senders[:slot].tobytes()]
            return [
                key for (key,) in self._each_source.iter_unpack(self._senders[: received * slot])
            ]
        names, senders, room = (
            self._from_anyone.name_lengths[:received].tolist(),
            self._senders,
            self._room,
        )
        indexes = range(0, received * slot, slot)
        return [
            bytes(senders[at : at + length]) + bytes(senders[at + room : at + slot])
            for at, length in zip(indexes, names, strict=True)
        ]

    def source(self, key: bytes) -> Source:
        """The sender of the run with this key."""
        length = len(key) - self._control
        return source_of(key[: self._name or length], key[length:])

    def data(self, index: int) -> bytes:
        """One datagram."""
        at = index * self.max_bytes
        return bytes(self._bytes[at : at + self.lengths[index]])

    def send(
        self,
        opened: socket.socket,
        start: int,
        stop: int,
        target: Source | None = None,
        *,
        segments: bool = False,
    ) -> int:
        """Send received datagrams, from one index up to another.

        Args:
            opened: the socket.
            start: the first index.
            stop: the index after the last.
            target: the destination; None for the socket's peer.
            segments: whether the socket can send datagrams of one size as one message, see
                `pipetwist.datagram.segments`.

        Returns:
            How many the system has accepted, at least one.

        Raises:
            OSError: it has accepted none.
        """
        if stop - start == 1:
            # For one datagram Python's own calls are faster.
            at = start * self.max_bytes
            datagram = self._bytes[at : at + self.lengths[start]]
            if target is None:
                opened.send(datagram)
                return 1
            if target.address is not None:
                opened.sendto(datagram, target.address)
                return 1
        messages = self._to_peer if target is None else self._aim(target)
        if segments and stop - start >= MIN_SEGMENTS:
            segmented = self._segments.send(opened, start, self.lengths[start:stop], target)
            if segmented:
                return segmented
        sent: int = sendmmsg(opened.fileno(), messages.at[start], stop - start, DONT_WAIT)
        if sent < 0:
            raise failure()
        return sent

    def send_one(self, opened: socket.socket, data: bytes, target: Source) -> None:
        """Send one datagram that is not in this batch.

        Raises:
            OSError: the system has not accepted it.
        """
        if len(data) > self.max_bytes:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        at = self.count * self.max_bytes
        self._bytes[at : at + len(data)] = data
        self._out_lengths[self.count] = len(data)
        if sendmmsg(opened.fileno(), self._aim(target).at[self.count], 1, DONT_WAIT) < 0:
            raise failure()

    def _aim(self, target: Source) -> Messages:
        messages = self._to_one
        if target is not self._aimed_at:
            name, control = target.name, target.control
            self._target[: len(name)] = name
            if control:
                self._target[NAME_SIZE : NAME_SIZE + len(control)] = control
            before = self._aimed_at
            if (
                before is None
                or len(before.name) != len(name)
                or len(before.control) != len(control)
            ):
                indexes = self.count + 1
                messages.name_lengths[:] = memoryview(array("I", [len(name)]) * indexes)
                messages.control_lengths[:] = memoryview(array("L", [len(control)]) * indexes)
            self._aimed_at = target
        return messages
