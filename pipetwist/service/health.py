"""Whether clients should be sent to this daemon."""

from __future__ import annotations

from pipetwist.service.generation import Generation

__all__ = ["why_not_healthy"]


def why_not_healthy(generation: Generation) -> str | None:
    """Which inbounds do not listen yet, on one line; None if all do.

    An inbound of another program's kind that does not know counts as listening.

    Args:
        generation: the current one.
    """
    waiting = [
        tag
        for tag, inbound in generation.inbounds.items()
        if not getattr(inbound, "is_listening", True)
    ]
    if not waiting:
        return None
    return f"these inbounds do not listen yet: {', '.join(waiting)}"
