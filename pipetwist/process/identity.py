"""Which command it is, for those who log something of it."""

from __future__ import annotations

from zope.interface import implementer

from pipetwist.interfaces import IProcess

__all__ = ["ProcessIdentity"]


@implementer(IProcess)
class ProcessIdentity:
    """The numbers of a command and of its connection. It holds neither, so that whoever logs by it
    keeps neither.

    Args:
        pid: the command's; 0 until it is started.
    """

    __slots__ = ("connection", "pid")

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid
        self.connection: int | None = None

    def __repr__(self) -> str:
        return f"<ProcessIdentity pid {self.pid} of connection {self.connection}>"
