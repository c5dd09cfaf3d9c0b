"""What the kinds on vsock have in common, inbounds and outbounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipetwist.kinds.options import KindOptions

__all__ = ["VsockKindOptions"]


class VsockKindOptions(KindOptions):
    """A kind on sockets of vsock, vsock(7)."""

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform != "linux":
            yield "type", "only Linux has vsock; use another type"
        yield from super().lacking(written, platform)
