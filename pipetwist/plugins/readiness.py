"""Waits until a plug-in listens where its contract says. Another process there is a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall

from pipetwist.interfaces import AnyReactor
from pipetwist.network.threads import UnawaitedThreads
from pipetwist.plugins.contract import Place
from pipetwist.plugins.owners import Listens, PluginProcess, who_listens
from pipetwist.transfer.polling import FIRST_POLL_SECONDS, next_poll_seconds

__all__ = ["START_SECONDS", "Readiness"]

START_SECONDS = 30.0
"""A plug-in that is not ready by then can't be used."""


class Readiness:
    """Looks again and again whether one process of a plug-in is ready, in a thread.

    Args:
        reactor: counts the time, and is called from threads.
        threads: where the kernel is asked.
        process: the process.
        places: the addresses that it has to listen at; None while it has not said yet.
        ready: is called when it does.
        fault: is called with the reason, for people, if it can't be used.
    """

    def __init__(
        self,
        reactor: AnyReactor,
        threads: UnawaitedThreads,
        process: PluginProcess,
        places: Callable[[], Sequence[Place] | None],
        ready: Callable[[], None],
        fault: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._process = process
        self._places = places
        self._ready = ready
        self._fault = fault
        self._pause = FIRST_POLL_SECONDS
        self._missing: Sequence[Place] = ()
        self._asking = False
        self._over = False
        self._call: IDelayedCall | None = None
        self._late: IDelayedCall | None = reactor.callLater(START_SECONDS, self._too_late)

    def __repr__(self) -> str:
        state = "over" if self._over else "asking" if self._asking else "waiting"
        return f"<Readiness of {self._process} {state}>"

    def look(self) -> None:
        """Look now: the process has just been started, or has said something."""
        if self._over or self._asking:
            return
        self._cancel_call()
        places = self._places()
        if places is None:
            return
        self._asking = True
        process = self._process
        # Where the kernel can't be asked it is asked again, as if nobody listened yet.
        nobody = [Listens.NOBODY] * len(places)

        def ask() -> None:
            try:
                found = who_listens(process, places)
            except OSError:  # there is no free descriptor
                found = nobody
            self._reactor.callFromThread(self._found, found, places)

        try:
            self._threads.start(ask)
        except RuntimeError:  # there may be no more threads
            self._found(nobody, places)

    def stop(self) -> None:
        """Look no more."""
        self._over = True
        self._cancel_call()
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _found(self, found: Sequence[Listens], places: Sequence[Place]) -> None:
        self._asking = False
        if self._over:
            return
        at = list(zip(found, places, strict=True))
        self._missing = [place for who, place in at if who is Listens.NOBODY]
        strangers = [place for who, place in at if who is Listens.STRANGER]
        if self._missing and not strangers:
            self._call = self._reactor.callLater(self._pause, self._look_again)
            self._pause = next_poll_seconds(self._pause)
            return
        self.stop()
        if strangers:
            self._fault(f"another process listens at {_shown(strangers)}")
        else:
            self._ready()

    def _look_again(self) -> None:
        self._call = None
        self.look()

    def _too_late(self) -> None:
        self._late = None
        self.stop()
        where = f": it does not listen at {_shown(self._missing)}" if self._missing else ""
        advice = "".join(f"; {place.advice}" for place in self._missing if place.advice)
        self._fault(f"it was not ready within {START_SECONDS:g} s{where}{advice}")

    def _cancel_call(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None


def _shown(places: Sequence[Place]) -> str:
    return " and ".join(map(str, places))
