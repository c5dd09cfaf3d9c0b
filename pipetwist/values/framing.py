"""How datagrams are written on a stream."""

from __future__ import annotations

from typing import Literal

__all__ = ["Framing"]

Framing = Literal["rfc4571"]
