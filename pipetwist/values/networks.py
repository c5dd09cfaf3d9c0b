"""Networks of IP addresses, and whether an address is in one of several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

__all__ = ["IpAddress", "IpNetwork", "Networks", "find_address", "parse_network"]

IpAddress: TypeAlias = IPv4Address | IPv6Address
"""An address of either kind."""

_Network = TypeVar("_Network", IPv4Network, IPv6Network)

# The addresses of IPv4 as those of IPv6, RFC 4291, section 2.5.5.2.
_MAPPED = ip_network("::ffff:0:0/96")
_MAPPED_LENGTH = 96


def parse_network(raw: object, folder: Path | None = None) -> str:
    """Accept a network, or one address, which is a network by itself.

    As in sing-box, bits beyond the prefix are ignored.

    Returns:
        The network with its prefix; an IPv4-mapped one as that of IPv4, as addresses are shown.

    Raises:
        ValueError: it is neither.
    """
    try:
        if not isinstance(raw, str) or "%" in raw:
            raise ValueError
        network = ip_network(raw, strict=False)
    except ValueError:
        message = (
            f"{quote(raw)} is neither a network nor an address; write it as in "
            '"10.0.0.0/8", "2001:db8::/32" or "192.0.2.1"'
        )
        raise ValueError(message) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]  # it is one of IPv6
        first = network.network_address.ipv4_mapped
        return f"{first}/{network.prefixlen - _MAPPED_LENGTH}"
    return str(network)


def find_address(source: str) -> IpAddress | None:
    """The address in the source of a client; None if that is no IP address, as of a unix socket.

    Args:
        source: as in `pipetwist.connection.client_info.ClientInfo`.
    """
    try:
        return ip_address(source)
    except ValueError:
        return None


class Networks:
    """Several networks. How long a look-up takes hardly depends on how many there are.

    Args:
        written: each as `parse_network` returns it.
    """

    __slots__ = ("_ranges",)

    def __init__(self, written: Iterable[str]) -> None:
        networks = [ip_network(one) for one in written]
        self._ranges = {
            4: _ranges(collapse_addresses(_of(networks, IPv4Network))),
            6: _ranges(collapse_addresses(_of(networks, IPv6Network))),
        }

    def __repr__(self) -> str:
        return f"<Networks of {sum(len(firsts) for firsts, _ in self._ranges.values())} ranges>"

    def __contains__(self, address: IpAddress) -> bool:
        """Whether an address is in one of them. The interface of a link-local one does not
        matter.
        """
        firsts, lasts = self._ranges[address.version]
        number = int(address)
        index = bisect_right(firsts, number) - 1
        return index >= 0 and number <= lasts[index]


def _of(networks: Iterable[object], kind: type[_Network]) -> Iterator[_Network]:
    return (network for network in networks if isinstance(network, kind))


def _ranges(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[list[int], list[int]]:
    """The first and the last addresses, in order."""
    known = list(networks)
    return (
        [int(one.network_address) for one in known],
        [int(one.broadcast_address) for one in known],
    )


IpNetwork = Annotated[
    str,
    Checked(
        parse_network,
        {"type": "string", "minLength": 1, "examples": ["10.0.0.0/8", "2001:db8::/32"]},
    ),
]
"""A network in the notation with a prefix (CIDR), or an address."""
