"""What the kinds on unix sockets have in common, inbounds and outbounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pipetwist.connection.medium import Medium
from pipetwist.kinds.options import KindOptions
from pipetwist.values import is_abstract, quote
from pipetwist.values.bind_address import UnixAddress

__all__ = ["PassingOptions", "UnixKindOptions"]


class UnixKindOptions(KindOptions):
    """A kind with the key ``path``, which is that of a unix socket."""

    path: str

    @property
    def address(self) -> UnixAddress:
        return UnixAddress(self.path, self.medium is Medium.DATAGRAMS)

    def notes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if "$" in self.path:
            yield ("path",), f"variables are not replaced, so this is {quote(self.path)}"
        yield from super().notes()

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        path = written.get("path")
        if platform == "win32":
            yield "type", "Windows has no unix sockets; use the type tcp or endpoint"
        elif platform != "linux" and isinstance(path, str) and is_abstract(path):
            # Only Linux has abstract names, unix(7).
            yield "path", "only Linux has abstract names; write a path"
        yield from super().lacking(written, platform)


@dataclass(frozen=True, kw_only=True)
class PassingOptions(KindOptions):
    """A kind on unix stream sockets, whose descriptors can be passed on."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    is_unix_stream = True

    pass_descriptors: bool = False
    """Passes descriptors (SCM_RIGHTS) on to the other side, if that does so too; it must be a unix
    socket. They are closed where absent.
    """

    def __post_init__(self) -> None:
        """Refuse to pass descriptors with datagrams or TLS."""
        super().__post_init__()
        if self.pass_descriptors and getattr(self, "framing", None) is not None:
            message = (
                "pass_descriptors can't be used with framing: frames have no room for descriptors; "
                "leave one of the two out"
            )
            raise ValueError(message)
        if self.pass_descriptors and getattr(self, "speaks_tls", False):
            message = (
                "pass_descriptors can't be used with tls: it has no room for descriptors; "
                "leave one of the two out"
            )
            raise ValueError(message)
        super().__post_init__()

    @property
    def passes_descriptors(self) -> bool:
        return self.pass_descriptors

    @classmethod
    def needs_unix(cls, written: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        if written.get("pass_descriptors") is True:
            yield "pass_descriptors", "descriptors are passed on between two unix sockets alone"
        yield from super().needs_unix(written)

    @classmethod
    def lacking(cls, written: Mapping[str, object], platform: str) -> Iterator[tuple[str, str]]:
        if platform not in ("linux", "win32") and written.get("pass_descriptors") is True:
            # Bytes and descriptors are kept together here by what Linux's kernel does.
            yield "pass_descriptors", "only Linux can pass descriptors on; leave the key out"
        yield from super().lacking(written, platform)
