"""What the two contracts of plug-ins have in common, for their supervision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pipetwist.interfaces import Medium
from pipetwist.values.addresses import shown_address

__all__ = ["Contract", "ContractError", "Place"]


class Place(NamedTuple):
    """An address that a plug-in listens at.

    Attributes:
        host: an IP address, or a name. Of a name the port alone counts.
        port: the port.
        medium: streams are TCP's, and datagrams UDP's.
        advice: what to do if it never does, for people; empty for nothing.
    """

    host: str
    port: int
    medium: Medium = Medium.STREAM
    advice: str = ""

    def __str__(self) -> str:
        shown = shown_address(self.host, self.port)
        return f"{shown} over UDP" if self.medium is Medium.DATAGRAMS else shown


class ContractError(Exception):
    """A plug-in does not keep to its contract, or says that it can't work. The text says how, in
    its own words where it has some.
    """


class Contract(Protocol):
    """How one plug-in is told what to do, and how it says that it is ready.

    Attributes:
        name: what it is called, for people.
        ends_with_stdin: whether it ends when its standard input is closed.
    """

    name: str
    ends_with_stdin: bool

    def begin(self) -> Mapping[str, str]:
        """A process is about to be started.

        Returns:
            The contract's variables.

        Raises:
            OSError: something that it needs can't be had.
        """

    def said(self, data: bytes) -> bytes:
        """The process has written to its standard output.

        Returns:
            What of it is for the log.

        Raises:
            ContractError: what it says is against the contract, or is that it can't work.
        """

    def places(self) -> Sequence[Place] | None:
        """The addresses that the process has to listen at in order to be ready; None while it has
        not said yet.
        """
