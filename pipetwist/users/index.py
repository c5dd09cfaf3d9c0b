"""Finds the user that a client is, however many users there are."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from pipetwist.connection.identity import CertificateNames, Identity
from pipetwist.kinds.user_options import UserOptions
from pipetwist.values.address_bits import address_bits, network_bits

__all__ = ["UserIndex"]

_FREED_AT_ONCE = 1000

_Match = tuple[int, str]
"""The place of an entry in the list, and its user's name."""
_Address = tuple[int, int] | None
"""The width of an address and its bits; None where a client has none."""
_Key = TypeVar("_Key", bound=Hashable)


class UserIndex:
    """Users, by each of the things that a client can be known by. Once all are in it, it never
    changes.

    First every entry by uid decides, then by gid, first the primary one, then by certificate, then
    those by address alone; among several the first of the list.

    Args:
        users: the list, or its beginning.
    """

    def __init__(self, users: Iterable[UserOptions] = ()) -> None:
        self._count = 0
        self._by_uid: _Entries[int] = _Entries()
        self._by_gid: _Entries[int] = _Entries()
        self._by_certificate: _Entries[tuple[str | None, str | None]] = _Entries()
        self._by_source: _Entries[None] = _Entries()
        for user in users:
            self.add(user)

    def __repr__(self) -> str:
        return f"<UserIndex of {self._count} entries>"

    def __len__(self) -> int:
        """How many entries there are."""
        return self._count

    def add(self, user: UserOptions) -> None:
        """Add the next entry of the list."""
        match = (self._count, user.name)
        self._count += 1
        by_certificate = (user.certificate_name, user.certificate_san)
        if user.uid is not None:
            self._by_uid.add(user.uid, match, user.source)
        if user.gid is not None:
            self._by_gid.add(user.gid, match, user.source)
        if by_certificate != (None, None):
            self._by_certificate.add(by_certificate, match, user.source)
        elif user.uid is None and user.gid is None:
            self._by_source.add(None, match, user.source)

    def find(self, host: str | None, identity: Identity | None) -> str | None:
        """Find who a client is.

        Args:
            host: its IP address, if it has one.
            identity: what else is known of it, if anything is.

        Returns:
            The user's name; None if it is none of them.
        """
        address = None if host is None else address_bits(host)
        match = None if identity is None else self._match(address, identity)
        match = match or self._by_source.first((None,), address)
        return None if match is None else match[1]

    def dismantle(self) -> Iterator[None]:
        """Free it in small steps, once nobody looks in it any more."""
        for entries in (self._by_uid, self._by_gid, self._by_certificate, self._by_source):
            yield from entries.dismantle()

    @property
    def by_certificate(self) -> bool:
        """Whether any of them is known by a certificate."""
        return bool(self._by_certificate)

    @property
    def by_alternative_name(self) -> bool:
        """Whether any of them is known by an alternative name of a certificate."""
        return any(san is not None for _, san in self._by_certificate)

    def _match(self, address: _Address, identity: Identity) -> _Match | None:
        uid, gid, groups, certificate = identity
        found = None if uid is None else self._by_uid.first((uid,), address)
        if found is None and self._by_gid:
            primary = () if gid is None else (gid,)
            found = self._by_gid.first(primary, address) or self._by_gid.first(groups, address)
        if found is None and certificate is not None and self._by_certificate:
            found = self._by_certificate.first(_keys(certificate), address)
        return found


class _Entries(Generic[_Key]):
    """Entries of users by one thing that a client can be known by."""

    def __init__(self) -> None:
        self._anywhere: dict[_Key, _Match] = {}
        self._by_network: dict[_Key, _Networks] = {}

    def __bool__(self) -> bool:
        return bool(self._anywhere or self._by_network)

    def __iter__(self) -> Iterator[_Key]:
        yield from self._anywhere
        yield from self._by_network

    def add(self, key: _Key, match: _Match, networks: Collection[str] | None) -> None:
        if networks is None:
            self._anywhere.setdefault(key, match)
            return
        known = self._by_network.get(key)
        if known is None:
            known = self._by_network[key] = _Networks()
        for network in networks:
            known.add(network, match)

    def dismantle(self) -> Iterator[None]:
        for table in (self._anywhere, self._by_network):
            while table:
                for _ in range(min(_FREED_AT_ONCE, len(table))):
                    table.popitem()
                if table:
                    yield

    def first(self, keys: Iterable[_Key], address: _Address) -> _Match | None:
        """The first of the list for any of these keys and an address."""
        found: _Match | None = None
        for key in keys:
            for match in (self._anywhere.get(key), self._in_networks(key, address)):
                if match is not None and (found is None or match < found):
                    found = match
        return found

    def _in_networks(self, key: _Key, address: _Address) -> _Match | None:
        if address is None or not self._by_network:
            return None
        known = self._by_network.get(key)
        return None if known is None else known.first(address)


class _Networks:
    """Entries by networks: a dict for each length that there is, so that a look-up takes as many
    steps as there are lengths, 33 and 129 at most.
    """

    __slots__ = ("_by_length",)

    def __init__(self) -> None:
        self._by_length: dict[tuple[int, int], dict[int, _Match]] = {}

    def add(self, network: str, match: _Match) -> None:
        width, length, bits = network_bits(network)
        self._by_length.setdefault((width, length), {}).setdefault(bits, match)

    def first(self, address: tuple[int, int]) -> _Match | None:
        width, bits = address
        found: _Match | None = None
        for (of_width, length), by_bits in self._by_length.items():
            match = by_bits.get(bits >> (width - length)) if of_width == width else None
            if match is not None and (found is None or match < found):
                found = match
        return found


def _keys(certificate: CertificateNames) -> Iterator[tuple[str | None, str | None]]:
    """What entries a certificate can match: by its common name, by each alternative one, or by
    both.
    """
    name = certificate.common_name
    if name:
        yield name, None
    for san in certificate.alternative:
        yield None, san
        if name:
            yield name, san
