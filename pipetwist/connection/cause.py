"""Why a connection failed, as one of a fixed list, for counting. Its reason is the same as a
text.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Cause"]


class Cause(Enum):
    """Why a connection failed; if there are several causes, the first."""

    REFUSED = "refused"
    """The inbound refused the client."""
    HANDSHAKE = "handshake"
    """The client was lost in its TLS handshake."""
    CONNECT = "connect"
    """The outbound could not be connected, or not in time."""
    INACTIVITY = "inactivity"
    """No byte moved for too long."""
    CLIENT = "client"
    """The client aborted the connection."""
    SERVER = "server"
    """The server aborted the connection, or the command failed."""
    STOPPED = "stopped"
    """pipetwist stopped, and the time for open connections was over."""
    CLOSED = "closed"
    """Somebody closed it: with the control service, or on the page."""
    INTERNAL = "internal"
    """A bug in pipetwist, or the system ran out of resources."""
