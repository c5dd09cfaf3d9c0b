"""Identifies a command in log lines."""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.interfaces import IProcess

__all__ = ["ProcessIdentity"]


@implementer(IProcess)
class ProcessIdentity:
    """The process ID of a command and the number of its connection. It refers to neither object, so
    that a log event does not keep them alive.

    Args:
        pid: the command's process ID; 0 until it is started.
    """

    __slots__ = ("connection", "pid")

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid
        self.connection: int | None = None

    def __repr__(self) -> str:
        return f"<ProcessIdentity pid {self.pid} of connection {self.connection}>"
