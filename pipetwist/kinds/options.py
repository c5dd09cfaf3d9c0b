"""The facts of a kind of inbound or outbound. Whoever needs one asks its options, so that nobody
else has to know the kinds by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar

from pipetwist.connection.medium import Medium
from pipetwist.kinds.figures import Figure
from pipetwist.values.bind_address import BindAddress

__all__ = ["FramedOptions", "KindOptions"]


class KindOptions:
    """What the options of every kind say besides their keys.

    Some is asked of the class, with an object as it was written in a configuration: that may still
    be wrong anywhere.
    """

    medium: ClassVar[Medium]
    """What its connections are made of. Every kind has to say so."""
    descriptors: ClassVar[int] = 1
    """How many of the process's file descriptors one of its connections takes."""
    figures: ClassVar[Sequence[Figure]] = ()
    """What the metrics show of each."""

    @property
    def address(self) -> BindAddress | None:
        """Where it listens, or where its connections go; None where that is not known."""
        return None

    @classmethod
    def keys(cls) -> list[str]:
        """The keys that it has in a configuration."""
        options: Any = cls
        return [key.name for key in fields(options)]

    @classmethod
    def medium_of(cls, written: Mapping[str, object]) -> Medium:
        """What the connections of one that is written so are made of.

        Args:
            written: its keys.
        """
        return cls.medium

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        """Say what a platform has not, of what one that is written so needs.

        Args:
            written: its keys.
            platform: the platform's name, as in ``sys.platform``.

        Yields:
            The key that asks for it; and what is wrong and what to do, for people.
        """
        yield from ()

    def check_here(self) -> None:
        """Look whether this machine has what it needs. Nothing is started, and nothing is listened
        on.

        Raises:
            StartError: something is not there, or can't be used by this user.
        """


class FramedOptions(KindOptions):
    """A kind of stream with the key ``framing``, by which it carries datagrams."""

    medium = Medium.STREAM

    @classmethod
    def medium_of(cls, written: Mapping[str, object]) -> Medium:
        return cls.medium if written.get("framing") is None else Medium.DATAGRAMS
