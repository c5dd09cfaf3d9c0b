"""Finds out whether something is a plug-in's, by what the kernel says of sockets.

The kernel is asked in a thread. What comes meanwhile is asked for together, so that a busy plug-in
costs no more look-ups than a thread can make one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorFromThreads

from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.owners import PluginProcess

__all__ = ["OwnerCheck"]

T = TypeVar("T")
Q = TypeVar("Q")


class OwnerCheck(Generic[T, Q]):
    """Checks things of one kind.

    Args:
        reactor: is called from threads.
        threads: where the kernel is asked.
        process: the plug-in's process at this time.
        look: asks the kernel, in a thread: for each of several questions, whether what it is about
            is the process's.
        checked: is called with each, and what was found.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        threads: UnawaitedThreads,
        process: Callable[[], PluginProcess],
        look: Callable[[PluginProcess, Sequence[Q]], list[bool]],
        checked: Callable[[T, bool], None],
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._process = process
        self._look = look
        self._checked = checked
        self._waiting: list[tuple[T, Q]] = []
        self._asking = False

    def __repr__(self) -> str:
        return f"<OwnerCheck {len(self._waiting)} waiting{', asking' if self._asking else ''}>"

    def check(self, one: T, question: Q) -> None:
        """Check one.

        Args:
            one: what it is.
            question: what the kernel is to be asked about it.
        """
        self._waiting.append((one, question))
        if not self._asking:
            self._ask()

    def stop(self) -> list[T]:
        """Check no more.

        Returns:
            Those that the kernel has not been asked about.
        """
        waiting, self._waiting = self._waiting, []
        return [one for one, _ in waiting]

    def _ask(self) -> None:
        self._asking = True
        batch, self._waiting = self._waiting, []
        process, look, reactor = self._process(), self._look, self._reactor
        questions = [question for _, question in batch]

        # Where the kernel can't be asked nobody is let in, now, and the next ones are asked about.
        nobody = [False] * len(questions)

        def ask() -> None:
            try:
                found = look(process, questions)
            except OSError:  # there is no free descriptor
                found = nobody
            reactor.callFromThread(tell, found)

        def tell(found: list[bool]) -> None:
            self._asking = False
            # What was its when it has ended since would be nobody's to end.
            runs = self._process() == process
            for (one, _), is_plugin in zip(batch, found, strict=True):
                self._checked(one, is_plugin and runs)
            if self._waiting and not self._asking:
                self._ask()

        try:
            self._threads.start(ask)
        except RuntimeError:  # there may be no more threads
            tell(nobody)
