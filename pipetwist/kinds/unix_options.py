"""What the kinds on unix sockets have in common, inbounds and outbounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipetwist.connection.medium import Medium
from pipetwist.kinds.options import KindOptions
from pipetwist.values import is_abstract
from pipetwist.values.bind_address import UnixAddress

__all__ = ["UnixKindOptions"]


class UnixKindOptions(KindOptions):
    """A kind with the key ``path``, which is that of a unix socket."""

    path: str

    @property
    def address(self) -> UnixAddress:
        return UnixAddress(self.path, self.medium is Medium.DATAGRAMS)

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        path = written.get("path")
        if platform == "win32":
            yield "type", "Windows has no unix sockets; use the type tcp or endpoint"
        elif platform != "linux" and isinstance(path, str) and is_abstract(path):
            # Only Linux has abstract names, unix(7).
            yield "path", "only Linux has abstract names; write a path"
        yield from super().lacking(written, platform)
