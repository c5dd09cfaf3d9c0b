"""The keys of every inbound and outbound with a plug-in of shadowsocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipetwist.interfaces import Medium
from pipetwist.kinds.options import FramedOptions
from pipetwist.plugins.options import PluginProcessOptions
from pipetwist.plugins.sip003 import check_options
from pipetwist.values import Program, Words, quote

__all__ = ["Sip003Options"]

_STREAMS: Sequence[Medium] = (Medium.STREAM,)
_MODES: Mapping[object, Sequence[Medium]] = {
    "tcp_only": _STREAMS,
    "udp_only": (Medium.DATAGRAMS,),
    "tcp_and_udp": (Medium.STREAM, Medium.DATAGRAMS),
}


@dataclass(frozen=True, kw_only=True)
class Sip003Options(PluginProcessOptions, FramedOptions):
    """The keys of a plug-in, and what it carries."""

    of_streams: ClassVar[Sequence[str]] = ("half_close",)
    """The keys that say something of streams alone."""
    of_datagrams: ClassVar[Sequence[str]] = ()
    """The keys that say something of datagrams alone."""

    plugin: Program
    """The plug-in's program. One with ``/`` is relative to the configuration's folder, others are
    sought in PATH.
    """
    plugin_opts: Words = ""
    """Its options, ``key=value;flag``, with a backslash before each ``;``, ``=`` and backslash of a
    value.
    """
    plugin_mode: Literal["tcp_only", "udp_only", "tcp_and_udp"] = "tcp_only"
    """Whether it carries streams, datagrams or both, each by a port of its own kind and of the same
    number. ``"tcp_only"`` where absent.
    """

    def __post_init__(self) -> None:
        """Refuse options that end within an escape, and keys of what it does not carry."""
        check_options(self.plugin_opts)
        media = _MODES[self.plugin_mode]
        mode = f'"plugin_mode": {quote(self.plugin_mode)}'
        if self.framing is not None and Medium.DATAGRAMS in media:
            message = (
                f"framing can't be used with {mode}, by which datagrams go over UDP; leave one of "
                "the two out"
            )
            raise ValueError(message)
        for medium, keys, what in (
            (Medium.STREAM, self.of_streams, "streams"),
            (Medium.DATAGRAMS, self.of_datagrams, "datagrams over UDP"),
        ):
            for key in () if medium in media else keys:
                if getattr(self, key) != getattr(type(self), key):  # its default
                    message = (
                        f"{key} is for {what}, of which there are none with {mode}; leave one of "
                        "the two out"
                    )
                    raise ValueError(message)
        super().__post_init__()

    @property
    def program(self) -> Sequence[str]:
        return (self.plugin,)

    @property
    def media(self) -> Sequence[Medium]:
        """What goes between the plug-in and us."""
        return _MODES[self.plugin_mode]

    @property
    def carries(self) -> Sequence[Medium]:
        return super().carries if self.media == _STREAMS else self.media

    @classmethod
    def carried_by(cls, written: Mapping[str, object]) -> Sequence[Medium]:
        mode = written.get("plugin_mode")
        media = _MODES.get(mode, _STREAMS) if isinstance(mode, str) else _STREAMS
        return super().carried_by(written) if media == _STREAMS else media

    @classmethod
    def ways_to_carry(cls, medium: Medium) -> Iterator[str]:
        yield '"plugin_mode": "tcp_and_udp"'
        yield from super().ways_to_carry(medium)
