"""How TCP notices a peer that has vanished, in sing-box's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipetwist.values.durations import Duration

__all__ = ["KeepAliveOptions"]


@dataclass(frozen=True, kw_only=True)
class KeepAliveOptions:
    """The keys of everything that is a TCP connection. Names and values are those of sing-box
    1.13's listen and dial fields.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    disable_tcp_keep_alive: bool = False
    """Turns TCP keepalive off: a peer that has vanished is then not noticed."""
    tcp_keep_alive: Duration = 300.0
    """After so long without a word from the peer it is asked for a sign of life. ``"5m"`` where
    absent.
    """
    tcp_keep_alive_interval: Duration = 75.0
    """How often it is asked again; after nine times the connection is lost, or as many as the
    system has it. ``"1m15s"`` where absent.
    """

    @property
    def keep_alive(self) -> tuple[float, float] | None:
        """The seconds of both; None if it is off."""
        return (
            None
            if self.disable_tcp_keep_alive
            else (self.tcp_keep_alive, self.tcp_keep_alive_interval)
        )
