"""What a pluggable transport of Tor's says on its standard output: the lines of its protocol,
within bounds (pt-spec, 3.3). No I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from pipetwist.plugins.contract import ContractError
from pipetwist.plugins.pt_address import read_address
from pipetwist.plugins.pt_arguments import read_arguments

__all__ = ["MAX_LINES", "MAX_LINE_BYTES", "Method", "PtLines"]

MAX_LINE_BYTES = 1 << 14
"""A longer line, before the transports are ready, is a fault; later it is cut off."""
MAX_LINES = 1000
"""More lines before the transports are ready are a fault."""
_VERSION = "1"
_ARGUMENTS = "ARGS:"
_FAILURES = ("ENV-ERROR", "VERSION-ERROR", "PROXY-ERROR")
_FOR_THE_LOG = ("LOG", "STATUS")


@dataclass(frozen=True)
class Method:
    """A transport that is ready.

    Attributes:
        address: where it listens: an IP address, and a port.
        arguments: what clients need besides, by its names.
    """

    address: tuple[str, int]
    arguments: dict[str, str] = field(default_factory=dict)


class PtLines:
    """Takes what one process says.

    Args:
        side: whether it is a client's or a server's.
        transports: those that it was asked for.
    """

    def __init__(self, side: Literal["client", "server"], transports: Collection[str]) -> None:
        self._word = "CMETHOD" if side == "client" else "SMETHOD"
        self._transports = set(transports)
        self._line = bytearray()
        self._lines = 0
        self._versioned = False
        self.done = False
        """Whether all transports are ready."""
        self.methods: dict[str, Method] = {}
        """Those that are ready, by their names."""

    def __repr__(self) -> str:
        return f"<PtLines {'done' if self.done else 'awaited'} {self.methods}>"

    def receive(self, data: bytes) -> Sequence[str]:
        """Take output.

        Returns:
            The lines that are for the log.

        Raises:
            ContractError: the process says that it can't work, or says what is against the
                protocol.
        """
        logged: list[str] = []
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._keep(part)
            line, self._line = self._line.decode("utf-8", "backslashreplace"), bytearray()
            logged += self._take(line.rstrip("\r"))
        self._keep(rest)
        return logged

    def _keep(self, part: bytes) -> None:
        self._line += part[: MAX_LINE_BYTES + 1 - len(self._line)]
        if len(self._line) > MAX_LINE_BYTES and not self.done:
            message = f"it said a line of more than {MAX_LINE_BYTES} bytes"
            raise ContractError(message)

    def _take(self, line: str) -> Sequence[str]:
        word, _, rest = line.partition(" ")
        if self.done:
            return (line,) if word in _FOR_THE_LOG else ()
        self._lines += 1
        if self._lines > MAX_LINES:
            message = f"it said more than {MAX_LINES} lines before it was ready"
            raise ContractError(message)
        if word in _FOR_THE_LOG:
            return (line,)
        if word in _FAILURES:
            message = f"it said {line!r}"
            raise ContractError(message)
        if word == "VERSION":
            self._take_version(rest)
        elif word == self._word:
            self._take_method(rest)
        elif word == f"{self._word}-ERROR":
            message = f"its transport {rest.partition(' ')[0]} can't work: {line!r}"
            raise ContractError(message)
        elif word == f"{self._word}S" and rest == "DONE":
            self._finish()
        return ()

    def _take_version(self, version: str) -> None:
        if version != _VERSION:
            message = f"it speaks version {version!r} of the protocol, and not {_VERSION}"
            raise ContractError(message)
        self._versioned = True

    def _take_method(self, rest: str) -> None:
        name, *words = rest.split(" ")
        if name not in self._transports:
            return
        if self._word == "CMETHOD":
            protocol, *words = words or [""]
            if protocol != "socks5":
                message = f"its transport {name} speaks {protocol!r}, and not socks5"
                raise ContractError(message)
        if not words:
            message = f"it did not say where its transport {name} listens"
            raise ContractError(message)
        place, *options = words
        self.methods[name] = Method(self._address(name, place), self._arguments(name, options))

    def _address(self, name: str, place: str) -> tuple[str, int]:
        address = read_address(place)
        if address is None:
            message = f"it said that its transport {name} listens at {place!r}, which is no address"
            raise ContractError(message)
        if self._word == "CMETHOD" and not ip_address(address[0]).is_loopback:
            message = f"its transport {name} listens at {place}, where other machines reach it"
            raise ContractError(message)
        return address

    def _arguments(self, name: str, options: Sequence[str]) -> dict[str, str]:
        for option in options:
            if option.startswith(_ARGUMENTS):
                try:
                    return read_arguments(option.removeprefix(_ARGUMENTS))
                except ValueError as error:
                    message = f"its transport {name} has arguments that can't be read: {error}"
                    raise ContractError(message) from error
        return {}

    def _finish(self) -> None:
        if not self._versioned:
            message = "it did not say which version of the protocol it speaks"
            raise ContractError(message)
        missing = self._transports - set(self.methods)
        if missing:
            message = f"it does not know the transport {', '.join(sorted(missing))}"
            raise ContractError(message)
        self.done = True
