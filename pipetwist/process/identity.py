"""Process IDs: that of a command in log lines, and whether a process has one."""

from __future__ import annotations

import os

from zope.interface import implementer

from pipetwist.interfaces import IProcess

__all__ = ["ProcessIdentity", "process_exists"]


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


def process_exists(pid: int) -> bool:
    """Whether a process has this ID, whoever runs it; one that nobody has waited for has it still
    (kill(2)).
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
