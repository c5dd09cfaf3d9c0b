"""A reload over commands that run: real ones, whose pipes the kernel moves bytes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kernel.process_side import KernelProcessSide
from pipetwist.outbounds.fork import ForkOutbound, ForkOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.process.side import ProcessSide
from tests.support.far_end import FarEnd
from tests.support.relaying import RelayCase
from tests.support.scratch import has_ended

_BYTES = 100_000


class _CommandsCase(RelayCase):
    """Clients of commands that say what they are told."""

    servers = "fork"
    prefork: int | None = None

    def setUp(self) -> None:
        """Start the services."""
        super().setUp()
        self.ends: list[FarEnd] = []

    def reload(self, **more: Any) -> Any:
        """Have the services go on by their document with other values for these keys; what came of
        it.
        """
        done: list[Any] = []
        self.service.reload(replace(self.service.document, **more)).addBoth(done.append)
        self.loop.until(lambda: done, "the reload")
        return done[0]

    @property
    def outbound(self) -> ForkOutbound:
        """The outbound that new connections go to."""
        outbound: ForkOutbound = self.service.outbounds["out"]
        return outbound

    def client(self) -> FarEnd:
        """Connect one client more."""
        self.ends.append(self.connect()[0])
        return self.ends[-1]

    def assertTalk(self, *ends: FarEnd) -> None:
        """Each client is told what it tells its command."""
        for end in ends:
            end.send(_BYTES)
            wanted = end.came + _BYTES
            self.pump_until(
                self.ends,
                lambda end=end, wanted=wanted: end.came == wanted,  # type: ignore[misc]  # mypy knows no lambda's defaults
                "what the client has said",
            )

    def leave(self, *ends: FarEnd) -> None:
        """Clients half-close, and wait for the end of what they are told."""
        for end in ends:
            end.finish()
        self.pump_until(
            self.ends, lambda: all(end.ended for end in ends), "the ends of the commands' output"
        )

    def _outbound(self) -> ForkOutboundOptions:
        return ForkOutboundOptions(tag="out", command=self.command, prefork=self.prefork)


class CommandsTest(_CommandsCase):
    """Commands with a connection."""

    def test_unchanged(self) -> None:
        """An outbound that does not change keeps its commands, and new connections get one of them
        as well.
        """
        before, client = self.outbound, self.client()
        self.assertTalk(client)
        self.assertIsNone(self.reload(drain_timeout=0.2))
        late = self.client()
        self.assertTalk(client, late)
        self.assertEqual((self.outbound, before.processes), (before, 2))
        self.everybody_leaves()

    def test_exchanged(self) -> None:
        """Open connections keep the old command, new ones get another; with its last command the
        old outbound is removed.
        """
        before, client = self.outbound, self.client()
        self.assertIsNone(
            self.reload(outbounds=(replace(self._outbound(), command=("/bin/cat", "-u")),))
        )
        late = self.client()
        self.assertTalk(client, late)
        self.assertEqual((before.processes, self.outbound.processes), (1, 1))
        self.leave(client)
        self.pump_until(
            self.ends, lambda: before not in list(self.service), "the old outbound to be forgotten"
        )
        self.assertTalk(late)
        self.everybody_leaves()

    def test_transfer(self) -> None:
        """Another transfer applies to new connections, back and forth, and an outbound with its own
        transfer does not change.
        """
        self._leave_what_stays()
        self.assertTalk(self.client())
        for transfer, kind in (
            ("stream", ProcessSide),
            ("kernel", KernelProcessSide),
            ("stream", ProcessSide),
        ):
            self.assertIsNone(self.reload(transfer=transfer))
            self.client()
            self.assertEqual([type(side) for side in self.outbound._processes], [kind])
            self.assertTalk(*self.ends)
        self.assertIsNone(self.reload(outbounds=(replace(self._outbound(), transfer="kernel"),)))
        own = self.outbound
        self.assertIsNone(self.reload(transfer="auto"))
        self.assertIs(self.outbound, own)
        self.assertTrue(own.in_kernel)
        self.everybody_leaves()

    def test_gone(self) -> None:
        """A command whose outbound is gone stays with its client, and is waited for when the daemon
        stops.
        """
        before, client = self.outbound, self.client()
        self.assertIsNone(
            self.reload(
                outbounds=(UnixOutboundOptions(tag="plugin", path=str(self.folder / "nowhere")),)
            )
        )
        self.assertTalk(client)
        (pid,) = _pids(before)
        stopped: list[object] = []
        self.service.stopService().addBoth(stopped.append)
        self.loop.until(lambda: stopped, "the services to stop")
        self.assertTrue(has_ended(pid))
        self.assertEqual(before.processes, 0)
        self.service.startService()

    def test_refused(self) -> None:
        """A reload that can't be done leaves the commands, and those who come, where they were."""
        before, client = self.outbound, self.client()
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        failure = self.reload(inbounds=(*self.service.document.inbounds, bad), transfer="stream")
        self.assertIsNotNone(failure.check(StartError))
        self.assertTalk(client, self.client())
        self.assertEqual((self.outbound, before.processes, before.in_kernel), (before, 2, True))
        self.everybody_leaves()

    def _leave_what_stays(self) -> None:
        # The first stream has the services watch for hang-ups from then on.
        self.reload(transfer="stream")
        self.assertTalk(self.client())
        self._end_all()
        self.reload(transfer="kernel")
        self.before = self.descriptors()

    def everybody_leaves(self) -> None:
        """When all clients have gone nothing is left of them, in whichever outbound they were."""
        self._end_all()
        self.nothing_is_left()

    def _end_all(self) -> None:
        self.leave(*self.ends)
        self.pump_until(self.ends, self._is_quiet, "the commands to end")
        while self.ends:
            self.ends.pop().close()

    def _is_quiet(self) -> bool:
        outbounds = [part for part in self.service if isinstance(part, ForkOutbound)]
        return not self.service.relay.open_connections and not any(
            outbound.processes for outbound in outbounds
        )


class ReadyCommandsTest(_CommandsCase):
    """Commands that wait for a connection."""

    prefork = 2

    def setUp(self) -> None:
        """Have them ready."""
        super().setUp()
        self.loop.until(lambda: self.outbound.ready == self.prefork, "the commands to be ready")

    def test_unchanged(self) -> None:
        """An outbound that does not change keeps them, and a new connection gets the first of
        them.
        """
        first, second = _pids(self.outbound)
        self.assertIsNone(self.reload(drain_timeout=0.2))
        self.assertEqual(_pids(self.outbound), [first, second])
        self.assertTalk(self.client())
        self.assertFalse(has_ended(first) or has_ended(second))
        self.leave(*self.ends)
        self.loop.until(lambda: has_ended(first), "the end of the first")
        self.assertFalse(has_ended(second))

    def test_exchanged(self) -> None:
        """Those of an outbound that changes end at once, for another transfer as for another
        command, and as many others are ready.
        """
        for change in (
            {"transfer": "stream"},
            {"outbounds": (replace(self._outbound(), command=("/bin/cat", "-u")),)},
        ):
            before, pids = self.outbound, _pids(self.outbound)
            self.assertEqual(len(pids), self.prefork)
            self.assertIsNone(self.reload(**change))
            self.pump_until(
                self.ends,
                lambda before=before: before not in list(self.service),  # type: ignore[misc]  # mypy knows no lambda's defaults
                "the old outbound to be forgotten",
            )
            self.assertTrue(all(map(has_ended, pids)))
            self.loop.until(lambda: self.outbound.ready == self.prefork, "the others to be ready")
        self.assertTalk(self.client())


def _pids(outbound: ForkOutbound) -> list[int]:
    """An outbound's commands, the oldest first."""
    sides: list[Any] = list(outbound._processes)
    pids: list[Any] = [
        side._state.pid if isinstance(side, KernelProcessSide) else side.process.pid
        for side in sides
    ]
    return pids
