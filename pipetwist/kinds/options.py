"""The facts about a kind of inbound or outbound. Code that needs one asks the kind's options, so
that no code has to name a type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar

from pipetwist.accounts import Account
from pipetwist.connection.medium import Medium
from pipetwist.kinds.figures import Figure
from pipetwist.values.bind_address import BindAddress

__all__ = ["FramedOptions", "KindOptions"]


class KindOptions:
    """What the options of every kind declare besides their keys.

    Some methods belong to the class, and get an object as it was written in a configuration:
    anything in it may still be wrong.
    """

    medium: ClassVar[Medium]
    """Streams or datagrams, where its keys say nothing else. Every kind must declare it."""
    descriptors: ClassVar[int] = 1
    """How many of the process's file descriptors one of its connections uses."""
    is_unix_stream: ClassVar[bool] = False
    """Whether its connections are stream sockets of the family unix."""
    figures: ClassVar[Sequence[Figure]] = ()
    """The figures that the metrics show of each."""

    @property
    def address(self) -> BindAddress | None:
        """Where it listens, or where its connections go; None if that is not known."""
        return None

    @property
    def addresses(self) -> Sequence[BindAddress]:
        """The same for each of what it carries, in that order; empty if that is not known."""
        return () if self.address is None else (self.address,)

    @property
    def carries(self) -> Sequence[Medium]:
        """Streams, datagrams or both, by what its keys say."""
        return (self.medium,)

    @property
    def passes_descriptors(self) -> bool:
        """Whether what comes by it in the way of descriptors is passed on."""
        return False

    @property
    def reserved_descriptors(self) -> int:
        """How many of the process's file descriptors it uses besides those of its connections."""
        return 0

    @property
    def process_group(self) -> Hashable | None:
        """What those have in common that share a process; None for one that shares none."""
        return None

    @property
    def accounts(self) -> Sequence[Account]:
        """The system's users and groups that it needs."""
        return ()

    @classmethod
    def keys(cls) -> list[str]:
        """The keys that it has in a configuration."""
        options: Any = cls  # a dataclass, which its base class can't declare
        return [key.name for key in fields(options)]

    @classmethod
    def carried_by(cls, written: Mapping[str, object]) -> Sequence[Medium]:
        """What `carries` will be for an inbound or outbound with these keys.

        Args:
            written: its keys.
        """
        return (cls.medium,)

    @classmethod
    def ways_to_carry(cls, medium: Medium) -> Iterator[str]:
        """Say what can be written for one that does not carry something to carry it.

        Args:
            medium: streams or datagrams.

        Yields:
            A key with its value, for people.
        """
        yield from ()

    @classmethod
    def needs_unix(cls, written: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Say what of one that is written so works only where the other side is a unix stream
        socket too.

        Args:
            written: its keys.

        Yields:
            The key that asks for it; and why, for people.
        """
        yield from ()

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        """List what a platform lacks that an inbound or outbound with these keys needs.

        Args:
            written: its keys.
            platform: the platform's name, as in ``sys.platform``.

        Yields:
            The key that asks for it; and what is wrong and what to do, for people.
        """
        yield from ()

    def notes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Say what of this one is valid, and probably not what was meant.

        Yields:
            The keys and list indices that lead to it; and what may surprise, for people.
        """
        yield from ()

    def unknown_here(self) -> Iterator[tuple[str, str]]:
        """Say what this installation has no code for, such as a plug-in that is missing.

        Yields:
            The key that asks for it; and what is missing, for people.
        """
        yield from ()

    def __post_init__(self) -> None:
        """Refuse keys that don't go together.

        Raises:
            ValueError: some do not; its text is for people.
        """

    def check_here(self) -> None:
        """Check that this machine has what it needs. Nothing is started, and it does not listen.

        Raises:
            StartError: something is missing, or this user can't use it.
        """


class FramedOptions(KindOptions):
    """A kind of stream with the key ``framing``, which makes it carry datagrams."""

    medium = Medium.STREAM
    framing: str | None
    half_close: bool

    def __post_init__(self) -> None:
        """Refuse to hold back an end of file where there is none: datagrams end together."""
        if self.framing is not None and not self.half_close:
            message = (
                "half_close can't be false with framing: datagrams have no half-close; leave one "
                "of the two out"
            )
            raise ValueError(message)
        super().__post_init__()

    @property
    def carries(self) -> Sequence[Medium]:
        return (self.medium,) if self.framing is None else (Medium.DATAGRAMS,)

    @classmethod
    def carried_by(cls, written: Mapping[str, object]) -> Sequence[Medium]:
        return (cls.medium,) if written.get("framing") is None else (Medium.DATAGRAMS,)

    @classmethod
    def ways_to_carry(cls, medium: Medium) -> Iterator[str]:
        if medium is Medium.DATAGRAMS:
            yield '"framing": "rfc4571"'
