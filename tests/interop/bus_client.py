"""A client of a D-Bus daemon that sends and receives descriptors: as little of the protocol as that
takes (D-Bus Specification, Message Protocol and Authentication Protocol).
"""

from __future__ import annotations

import os
import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["BUS_CONFIGURATION", "BusClient"]

BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""What a bus of a test is started with; ``{path}`` is its socket."""

_BUS = "org.freedesktop.DBus"
_METHOD_CALL = 1
_PATH, _INTERFACE, _MEMBER, _DESTINATION, _SIGNATURE, _UNIX_FDS = 1, 2, 3, 6, 8, 9
_FIXED = 16  # bytes of a header before its fields
_MEMBERS = {_PATH: "o", _SIGNATURE: "g", _UNIX_FDS: "u"}


class BusClient:
    """A connection, which has said who it is and can pass descriptors.

    Args:
        case: the test, whose clean-up closes it.
        path: the socket's.
    """

    def __init__(self, case: SynchronousTestCase, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        case.addCleanup(self._socket.close)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._case = case
        self._data = b""
        self.descriptors: list[int] = []
        """What has come."""
        self._serial = 0
        self._socket.sendall(b"\0")
        uid = str(os.geteuid()).encode().hex()
        self._ask(f"AUTH EXTERNAL {uid}", "OK ")
        self._ask("NEGOTIATE_UNIX_FD", "AGREE_UNIX_FD")
        self._socket.sendall(b"BEGIN\r\n")
        self.call(_BUS, _BUS, "Hello")
        self.name = self.body_with("s")
        """Its name on the bus."""

    def call(self, destination: str, interface: str, member: str, *descriptors: int) -> None:
        """Call a method, with no argument or one of the type h, which is a descriptor."""
        self._serial += 1
        fields: list[tuple[int, str | int]] = [
            (_PATH, "/"),
            (_INTERFACE, interface),
            (_MEMBER, member),
            (_DESTINATION, destination),
        ]
        if descriptors:
            fields += [(_SIGNATURE, "h"), (_UNIX_FDS, len(descriptors))]
        packed = b""
        for code, value in fields:
            packed += b"\0" * (-len(packed) % 8)
            kind = _MEMBERS.get(code, "s")
            packed += struct.pack("<BB2s", code, 1, f"{kind}\0".encode())
            if isinstance(value, int):
                packed += struct.pack("<I", value)
            elif kind == "g":
                packed += struct.pack("<B", len(value)) + value.encode() + b"\0"
            else:
                packed += struct.pack("<I", len(value)) + value.encode() + b"\0"
        body = struct.pack("<I", 0) if descriptors else b""
        numbers = (len(body), self._serial, len(packed))
        start = struct.pack("<cBBBIII", b"l", _METHOD_CALL, 0, 1, *numbers)
        message = start + packed + b"\0" * (-len(packed) % 8) + body
        socket.send_fds(self._socket, [message], list(descriptors))

    def body_with(self, signature: str) -> str:
        """Read messages up to one whose arguments have this signature, and return the first if it
        is a text.
        """
        while True:
            start = self._read(_FIXED)
            size, length = struct.unpack("<I4xI", start[4:])
            header = self._read(length + -length % 8)
            body = self._read(size)
            if b"\x08\x01g\0" + struct.pack("<B", len(signature)) + signature.encode() in header:
                if signature != "s":
                    return ""
                (count,) = struct.unpack("<I", body[:4])
                return body[4 : 4 + count].decode()

    def _ask(self, line: str, answer: str) -> None:
        self._socket.sendall(f"{line}\r\n".encode())
        while b"\r\n" not in self._data:
            self._more()
        said, _, self._data = self._data.partition(b"\r\n")
        self._case.assertTrue(said.decode().startswith(answer), said)

    def _read(self, size: int) -> bytes:
        while len(self._data) < size:
            self._more()
        data, self._data = self._data[:size], self._data[size:]
        return data

    def _more(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 16, 16)
        self._case.assertNotEqual(data, b"", "the bus has gone")
        self._data += data
        self.descriptors += descriptors
        for descriptor in descriptors:
            self._case.addCleanup(os.close, descriptor)
