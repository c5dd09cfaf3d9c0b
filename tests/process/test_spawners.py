"""Real commands, started in both ways."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any
from unittest import skipUnless

from twisted.internet import reactor
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from pipetwist.interfaces import ISpawner
from pipetwist.process.spawners import PosixSpawner, ReactorSpawner, spawner_for
from tests.process.listener import Listener
from tests.support.loop import open_descriptors

_reactor: Any = reactor  # the module stands for whichever reactor trial has installed
_HAS_PIDFD = hasattr(os, "pidfd_open") and hasattr(os, "posix_spawn")


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:  # the look itself had it open
        return False


class _SpawnerMixin:
    """What holds for every spawner."""

    timeout = 300

    def make(self) -> Any:
        """The spawner."""
        raise NotImplementedError

    def start(self: Any, *command: str, env: dict[str, str] | None = None) -> Listener:
        """Start a command; what hears it."""
        listener = Listener(self)
        self.spawner = self.make()
        self.spawner.spawn(listener, command, {"PATH": os.environ["PATH"]} if env is None else env)
        return listener

    def shell(self, script: str) -> Listener:
        """Start a shell with a script."""
        return self.start("/bin/sh", "-c", script)

    def test_interface(self: Any) -> None:
        """It is what the interface says."""
        verifyObject(ISpawner, self.make())

    async def test_output(self: Any) -> None:
        """Everything that a command says is heard, standard error apart, before it ends well."""
        listener = self.shell("head -c 1000000 /dev/zero; echo last; echo error >&2")
        end = await listener.end
        self.assertIsInstance(end, ProcessDone)
        self.assertEqual(
            (len(listener.output[1]), listener.output[1][-5:], listener.output[2]),
            (1_000_005, b"last\n", b"error\n"),
        )
        self.assertEqual(
            (listener.heard[-1], sorted(listener.heard)),
            ("ended", ["0 over", "1 over", "2 over", "ended", "exited"]),
        )

    async def test_status(self: Any) -> None:
        """An exit status is reported."""
        end = await self.shell("exit 3").end
        self.assertEqual((end.exitCode, end.signal), (3, None))

    async def test_signal(self: Any) -> None:
        """A signal that killed it is told."""
        end = await self.shell("kill -KILL $$").end
        self.assertEqual((end.exitCode, end.signal), (None, signal.SIGKILL))

    async def test_input(self: Any) -> None:
        """What is written is read by it, the end of file after all of it."""
        listener = self.start("/bin/cat")
        data = bytes(range(256)) * 4000
        listener.transport.write(data)
        listener.transport.writeSequence([b"more", b"\n"])
        listener.transport.closeStdin()
        await listener.end
        self.assertEqual(listener.output[1], data + b"more\n")

    async def test_unread_input(self: Any) -> None:
        """What a command does not read does not keep it from ending."""
        listener = self.start("/bin/true")
        listener.transport.write(b"x" * 1_000_000)
        self.assertIsInstance(await listener.end, ProcessDone)

    async def test_environment(self: Any) -> None:
        """It gets just the environment that it is given."""
        listener = self.start("/usr/bin/env", env={"KEY": "a b"})
        await listener.end
        self.assertEqual(listener.output[1], b"KEY=a b\n")

    async def test_arguments(self: Any) -> None:
        """Its arguments are as they are given."""
        listener = self.start("/usr/bin/printf", "%s|", "a b", "$x", "", "'")
        await listener.end
        self.assertEqual(listener.output[1], b"a b|$x||'|")

    async def test_descriptors(self: Any) -> None:
        """It gets the three standard descriptors, and none of the daemon's own, other commands'
        included.
        """
        other = self.start("/bin/cat")
        # What this process was itself started with is not its own.
        given = {
            name.encode()
            for name in os.listdir("/proc/self/fd")  # noqa: PTH208 - names, not paths
            if _is_inheritable(int(name))
        }
        listener = self.shell("ls /proc/$$/fd")
        await listener.end
        other.transport.closeStdin()
        await other.end
        self.assertEqual(set(listener.output[1].split()) - given, {b"0", b"1", b"2"} - given)

    async def test_signal_group(self: Any) -> None:
        """A command can be signalled, and signalled again when it has gone."""
        listener = self.start("/bin/cat")
        self.spawner.signal_group(listener.transport, signal.SIGTERM)
        end = await listener.end
        self.assertEqual(end.signal, signal.SIGTERM)
        self.spawner.signal_group(listener.transport, signal.SIGTERM)

    async def test_reaped(self: Any) -> None:
        """When it has ended nothing is left of it, not even its number."""
        listener = self.start("/bin/true")
        await listener.end
        self.assertRaises(ChildProcessError, os.waitpid, listener.pid, os.WNOHANG)
        self.assertIsNone(listener.transport.pid)

    def test_not_started(self: Any) -> None:
        """A command that can't be started is reported at once, and leaves no descriptor behind."""
        before = open_descriptors()
        for command, kind in (
            (["/nothing/here"], FileNotFoundError),
            (["/etc/passwd"], PermissionError),
        ):
            self.assertRaises(kind, self.make().spawn, Listener(self), command, {})
        self.assertEqual(open_descriptors() - before, set())


@skipUnless(_HAS_PIDFD, "needs pidfd_open and posix_spawn")
class PosixSpawnerTest(_SpawnerMixin, TestCase):
    """With posix_spawn."""

    def make(self) -> PosixSpawner:
        """See the base."""
        return PosixSpawner(_reactor)

    async def test_transport(self) -> None:
        """Its transport is a process's."""
        listener = self.start("/bin/true")
        verifyObject(IProcessTransport, listener.transport)
        await listener.end


class ReactorSpawnerTest(_SpawnerMixin, TestCase):
    """With the reactor's spawnProcess."""

    def make(self) -> ReactorSpawner:
        """See the base."""
        return ReactorSpawner(_reactor)


class _Keeps:
    """A reactor that keeps what it was asked to start."""

    def spawnProcess(
        self, protocol: object, executable: str, args: Sequence[str], env: dict[str, str]
    ) -> object:
        self.asked = (protocol, executable, args, env)
        return self


class _Signalled:
    """A transport that keeps the signals that it was to send."""

    def __init__(self) -> None:
        self.signals: list[str | int] = []

    def signalProcess(self, signalID: str | int) -> None:
        self.signals.append(signalID)


class ChoiceTest(SynchronousTestCase):
    """Which one is the best."""

    @skipUnless(_HAS_PIDFD, "needs pidfd_open and posix_spawn")
    def test_here(self) -> None:
        """If the system has posix_spawn and pidfds, and the reactor reads descriptors, it is the
        quick one.
        """
        self.assertIsInstance(spawner_for(MemoryReactorClock()), PosixSpawner)

    def test_elsewhere(self) -> None:
        """Otherwise it is the reactor's."""
        self.assertIsInstance(spawner_for(Clock()), ReactorSpawner)
        for name in ("pidfd_open", "posix_spawn"):
            if hasattr(os, name):
                self.patch(os, name, None)
                delattr(os, name)
            self.assertIsInstance(spawner_for(MemoryReactorClock()), ReactorSpawner)

    def test_asked(self) -> None:
        """The reactor is asked for the command with its arguments and the whole environment, and
        for nothing that would make it fork.
        """
        keeps, protocol = _Keeps(), object()
        ReactorSpawner(keeps).spawn(protocol, ("/bin/tool", "-x"), {"KEY": "value"})  # type: ignore[arg-type]  # it starts nothing
        self.assertEqual(
            keeps.asked, (protocol, "/bin/tool", ["/bin/tool", "-x"], {"KEY": "value"})
        )

    def test_names(self) -> None:
        """The signals that end a command are sent by their names: Twisted's transport on Windows
        sends nothing for a number.
        """
        transport = _Signalled()
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
            ReactorSpawner(_reactor).signal_group(transport, number)
        self.assertEqual(transport.signals, ["TERM", "KILL", signal.SIGHUP])
