"""Connections that a test makes up, as observers are given them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo

__all__ = ["made_up"]


def made_up(
    inbound: str = "in",
    outbound: str = "out",
    cause: Cause | None = None,
    dropped: int = 0,
    **more: Any,  # of an IConnectionRecord
) -> Any:  # an IConnectionRecord, as far as observers see
    """A connection with these ends."""
    return SimpleNamespace(
        **{
            "number": 1,
            "client_info": ClientInfo(inbound, "peer", "source"),
            "outbound": outbound,
            "uplink": 0,
            "downlink": 0,
            "dropped": dropped,
            "cause": cause,
            "reason": "client closed",
            "process": None,
            **more,
        }
    )
