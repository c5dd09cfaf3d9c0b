"""``pipetwist top``: the traffic of a server, live, in a terminal."""

from __future__ import annotations
