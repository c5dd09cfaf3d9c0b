"""Why a connection did not go well: a closed set, for counting. What happened in words is its
reason.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Cause"]


class Cause(Enum):
    """What came in the way of a connection; of several what came first."""

    REFUSED = "refused"
    """The client may not come in at the inbound."""
    HANDSHAKE = "handshake"
    """The client was lost before it came in, in its TLS handshake."""
    CONNECT = "connect"
    """The outbound could not be connected, or not in time."""
    INACTIVITY = "inactivity"
    """No byte moved for too long."""
    CLIENT = "client"
    """The client broke off."""
    SERVER = "server"
    """The outbound's side broke off, or its command did not end well."""
    STOPPED = "stopped"
    """pipetwist was told to stop, and the connection had had its time."""
    INTERNAL = "internal"
    """A mistake in pipetwist itself, or the system has not got what the connection takes."""
