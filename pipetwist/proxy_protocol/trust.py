"""Which proxies are believed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from pipetwist.values.networks import Networks, find_address
from pipetwist.values.trusted_proxies import UNIX, VSOCK

__all__ = ["TrustedProxies", "trusted_proxies"]

_OTHERS = (UNIX, VSOCK)


class TrustedProxies:
    """The proxies that are believed.

    Args:
        written: networks of IP, ``unix``, ``vsock``, and ``vsock:`` with a cid.
    """

    def __init__(self, written: Iterable[str]) -> None:
        written = tuple(written)
        self._words = frozenset(one for one in written if one.startswith(_OTHERS))
        self._networks = Networks(one for one in written if one not in self._words)

    def __repr__(self) -> str:
        return f"<TrustedProxies {' '.join(sorted(self._words))} {self._networks!r}>"

    def trusts(self, proxy: str) -> bool:
        """Whether a proxy is one of them.

        Args:
            proxy: its IP address, that of IPv4 in its own notation; ``unix``; or ``vsock:`` and its
                cid.
        """
        if proxy.startswith(_OTHERS):
            return proxy in self._words or proxy.partition(":")[0] in self._words
        address = find_address(proxy)
        return address is not None and address in self._networks


@lru_cache(maxsize=64)
def trusted_proxies(written: tuple[str, ...]) -> TrustedProxies:
    """The proxies of a configuration's list."""
    return TrustedProxies(written)
