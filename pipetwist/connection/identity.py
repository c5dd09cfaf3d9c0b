"""What a client is known by, besides its address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

__all__ = ["CertificateNames", "Identity"]


class CertificateNames(Protocol):
    """The names in a certificate."""

    @property
    def common_name(self) -> str:
        """The common name of its subject; empty if it has none."""

    @property
    def alternative(self) -> Sequence[str]:
        """Its subject alternative names, as `pipetwist.values.san` writes them."""


class Identity(NamedTuple):
    """What a client is known by, as it was when the client connected.

    Attributes:
        uid: the system's user that it ran as; None if it is not known.
        gid: its primary group.
        groups: the other groups that it was in.
        certificate: the names in its certificate; None if it has shown none.
    """

    uid: int | None = None
    gid: int | None = None
    groups: Collection[int] = ()
    certificate: CertificateNames | None = None
