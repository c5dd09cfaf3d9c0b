"""The system calls recvmmsg(2) and sendmmsg(2), which Python does not offer, and the kernel's
structures that they take.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from mmap import mmap
from typing import Any, cast

__all__ = [
    "CONTROL_SIZE",
    "DONT_WAIT",
    "MESSAGE",
    "NAME_SIZE",
    "VECTOR",
    "Messages",
    "address_of",
    "batches_work",
    "failure",
    "recvmmsg",
    "sendmmsg",
]

# struct msghdr: name, its length, iovec, their number, control, its length, flags
_HEADER = "@PIPNPNi0P"
MESSAGE = struct.Struct(_HEADER + "I0P")
"""``struct mmsghdr``: a header, and how many bytes it was."""
VECTOR = struct.Struct("@PN")
"""``struct iovec``."""
_NAME_LENGTH, _CONTROL_LENGTH, _FLAGS, _LENGTH = (
    struct.calcsize(parts) for parts in ("@P", "@PIPNP0P", "@PIPNPN", _HEADER)
)
NAME_SIZE = 112
"""Bytes of the longest name, sockaddr_un (unix(7))."""
CONTROL_SIZE = 64
"""More bytes of ancillary data than anything here has."""
# As plain numbers: the arithmetic of an enumeration is Python.
DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
"""A flag of both calls."""

# Neither has argtypes: with them a call in ctypes takes 50 % longer. A Python int is passed as a C
# int, and every pointer is a c_void_p.
_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
recvmmsg: Any = getattr(_libc, "recvmmsg", None)  # a function of C
"""Takes a descriptor, where the first ``struct mmsghdr`` is, how many there are, flags, and
None.
"""
sendmmsg: Any = getattr(_libc, "sendmmsg", None)  # a function of C
"""Takes a descriptor, where the first ``struct mmsghdr`` is, how many there are, and flags."""


def batches_work() -> bool:
    """Whether this system has these calls, in the layout that is used here."""
    return recvmmsg is not None and sendmmsg is not None and os.uname().sysname == "Linux"


def failure() -> OSError:
    """The error of the last call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def address_of(memory: bytearray | mmap) -> int:
    """The address of a writable buffer in this process's memory."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Messages:
    """An array of ``struct mmsghdr``, and its fields of all messages at once."""

    def __init__(self, messages: list[tuple[int, ...]]) -> None:
        self.size = MESSAGE.size
        memory = bytearray(b"".join(MESSAGE.pack(*message) for message in messages))
        address = address_of(memory)
        self.at = [ctypes.c_void_p(address + index * self.size) for index in range(len(messages))]
        """Where each is."""
        self.bytes = memoryview(memory)
        self.pristine = memoryview(bytes(memory))
        self.name_lengths = _field(memory, "I", _NAME_LENGTH)
        self.control_lengths = _field(memory, "L", _CONTROL_LENGTH)
        self.flags = _field(memory, "I", _FLAGS)
        self.lengths = _field(memory, "I", _LENGTH)

    def restore(self, count: int) -> None:
        """Reset the fields that the kernel has written in this number of messages."""
        self.bytes[: count * self.size] = self.pristine[: count * self.size]


def _field(memory: bytearray, kind: str, offset: int) -> memoryview:
    size = struct.calcsize(kind)
    fields: memoryview = memoryview(memory).cast(cast("Any", kind))  # it wants a Literal
    return fields[offset // size :: MESSAGE.size // size]
