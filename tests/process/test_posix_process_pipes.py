"""Real commands started with posix_spawn: their pipes and their descriptors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from tests.process.posix_process_case import ChildTestCase, any_reactor
from tests.support.scratch import scratch_folder


def _descriptors() -> set[str]:
    """What this process has open, and what it is."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names, not paths
        with contextlib.suppress(OSError):  # the look itself had it open
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115 - a text, not a path
    return found


class PipesTest(ChildTestCase):
    """Standard input, output and error."""

    async def test_paused(self) -> None:
        """While output is paused nothing is read, also when the command has exited; resumed,
        everything is, and then it has ended.
        """
        listener = self.shell("echo one; echo two >&2", paused=True)
        await listener.exit
        self.assertEqual((listener.output[1], listener.end.called), (b"", False))
        listener.transport.resumeProducing()
        await listener.end
        self.assertEqual((listener.output[1], listener.output[2]), (b"one\n", b"two\n"))

    async def test_paused_in_silence(self) -> None:
        """A command that has said nothing has ended when it has exited, also while its output is
        paused.
        """
        listener = self.shell("exit 3", paused=True)
        self.assertEqual((await listener.end).exitCode, 3)

    async def test_paused_in_between(self) -> None:
        """Output may be paused and resumed at any time, in the middle of what is left when the
        command has exited too.
        """
        listener = self.shell("head -c 20000 /dev/zero; head -c 5000 /dev/zero", paused=True)
        await listener.exit

        def pause_once(name: int, data: bytes) -> None:
            del listener.childDataReceived  # back to the class's
            listener.transport.pauseProducing()
            listener.childDataReceived(name, data)

        listener.childDataReceived = pause_once  # type: ignore[method-assign, assignment]  # for the first piece
        self.patch(sys.modules["pipetwist.process.pipes"], "_READ_SIZE", 1000)
        listener.transport.resumeProducing()
        self.assertEqual((len(listener.output[1]), listener.end.called), (1000, False))
        listener.transport.resumeProducing()
        await listener.end
        self.assertEqual(len(listener.output[1]), 25000)

    async def test_closes_output(self) -> None:
        """A command that closes its output is heard of it while it runs."""
        listener = self.shell("exec 1>&-; read line; exit 4")
        await listener.closes(1)
        self.assertEqual(listener.heard, ["1 over"])
        listener.transport.write(b"line\n")
        self.assertEqual((await listener.end).exitCode, 4)

    async def test_closes_input(self) -> None:
        """A command that closes its standard input is noticed by the next byte that it is sent, and
        goes on.
        """
        listener = self.shell("exec 0<&-; echo closed; sleep 60")
        await listener.says(b"closed\n")
        listener.transport.write(b"x")
        await listener.closes(0)
        self.assertEqual(listener.heard, ["0 over"])
        listener.transport.write(b"late")
        listener.transport.state.signal_group(signal.SIGTERM)
        await listener.end

    async def test_back_pressure(self) -> None:
        """A full standard input pauses a producer, and resumes it when the command has read it."""

        class Producer:
            asked: list[str] = []  # noqa: RUF012 - there is one producer

            def pauseProducing(self) -> None:
                self.asked.append("pause")

            def resumeProducing(self) -> None:
                self.asked.append("resume")
                listener.transport.unregisterProducer()
                listener.transport.closeStdin()

            def stopProducing(self) -> None:
                self.asked.append("stop")

        listener = self.shell("echo ready; kill -STOP $$; wc -c")
        await listener.says(b"ready\n")
        listener.transport.registerProducer(Producer(), True)
        listener.transport.write(b"x" * 500_000)
        self.assertEqual(Producer.asked, ["pause"])
        listener.transport.state.signal_group(signal.SIGCONT)
        # It may not have stopped yet when it was to continue.
        while not listener.exit.called:
            listener.transport.state.signal_group(signal.SIGCONT)
            await _moment()
        await listener.end
        self.assertEqual(
            (Producer.asked, listener.output[1].split()),
            (["pause", "resume"], [b"ready", b"500000"]),
        )

    async def test_closing_all(self) -> None:
        """All three can be closed at once, after which the command hears and says nothing."""
        for method in ("loseConnection", "stopProducing"):
            listener = self.shell("cat; echo unheard; exit 5")
            getattr(listener.transport, method)()
            await listener.closes(0)
            self.assertEqual(sorted(listener.heard[:3]), ["0 over", "1 over", "2 over"])
            await listener.end
            self.assertEqual(listener.output[1], b"")

    async def test_closing_each(self) -> None:
        """Each of them can be closed for itself, and closed again."""
        listener = self.shell("read line; exit 6")
        for _ in range(2):
            listener.transport.closeStdout()
            listener.transport.closeStderr()
        self.assertEqual(listener.heard, ["1 over", "2 over"])
        listener.transport.closeStdin()
        await listener.end

    async def test_only_input_is_written(self) -> None:
        """Standard input can be written to by its number, and no other descriptor."""
        listener = self.shell("cat")
        listener.transport.writeToChild(0, b"by number")
        self.assertRaises(KeyError, listener.transport.writeToChild, 1, b"x")
        listener.transport.closeStdin()
        await listener.end
        self.assertEqual(listener.output[1], b"by number")

    async def test_interfaces(self) -> None:
        """It is a producer and a consumer, with addresses that say nothing."""
        listener = self.shell("exit 0")
        verifyObject(IPushProducer, listener.transport)
        verifyObject(IConsumer, listener.transport)
        verifyObject(IAddress, listener.transport.getPeer())
        verifyObject(IAddress, listener.transport.getHost())
        await listener.end


class DescriptorsTest(ChildTestCase):
    """What commands cost this process."""

    async def test_nothing_left(self) -> None:
        """Commands that have ended leave no descriptor behind, however they were used."""
        await self.shell("exit 0").end  # the reactor has opened what it needs for itself
        before = _descriptors()
        listeners = [
            self.shell(script)
            for script in ("exit 0", "echo x; exit 1", "cat", "sleep 60", "exec 1>&-; cat")
        ]
        listeners[2].transport.closeStdin()
        listeners[3].transport.state.signal_group(signal.SIGKILL)
        listeners[4].transport.loseConnection()
        for listener in listeners:
            await listener.end
        self.assertEqual(_descriptors() - before, set())

    def test_no_pidfd(self) -> None:
        """If there is no descriptor left to watch the command with it is not left running, and
        nothing of it stays.
        """
        started: list[int] = []
        spawn = os.posix_spawn

        def keep(*arguments: Any, **more: Any) -> int:
            started.append(spawn(*arguments, **more))
            return started[0]

        def refuse(pid: int) -> int:
            raise OSError(24, "Too many open files")

        before = _descriptors()
        self.patch(os, "posix_spawn", keep)
        self.patch(os, "pidfd_open", refuse)
        self.assertRaises(OSError, self.shell, "sleep 60")
        self.assertRaises(ChildProcessError, os.waitpid, started[0], os.WNOHANG)
        self.assertEqual(_descriptors() - before, set())

    def test_no_pipe(self) -> None:
        """If there is no descriptor left for its pipes it is not started, and those that there are
        are closed.
        """
        pipe2 = os.pipe2
        made: list[tuple[int, int]] = []

        def refuse(flags: int) -> tuple[int, int]:
            if len(made) == 2:
                raise OSError(24, "Too many open files")
            made.append(pipe2(flags))
            return made[-1]

        before = _descriptors()
        self.patch(os, "pipe2", refuse)
        self.assertRaises(OSError, self.shell, "sleep 60")
        self.assertEqual(_descriptors() - before, set())

    def test_without_standard_descriptors(self) -> None:
        """A daemon that has closed its own standard descriptors starts commands as any other."""
        program = """
import os, sys
os.close(0); os.close(1); os.close(2)
from pipetwist.process.launch import launch
launched = launch(["/bin/sh", "-c", "read line; echo got $line; echo error >&2; exit 7"], {"PATH": os.environ["PATH"]})
os.write(launched.stdin, b"a line\\n")
_, status = os.waitpid(launched.pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(repr((os.read(launched.stdout, 99), os.read(launched.stderr, 99), os.waitstatus_to_exitcode(status))))
"""  # noqa: E501  # another language's text
        said = scratch_folder(self) / "said"
        subprocess.run([sys.executable, "-c", program, str(said)], timeout=60, check=True)
        self.assertEqual(said.read_text(encoding="utf-8"), repr((b"got a line\n", b"error\n", 7)))


async def _moment() -> None:
    """Let the reactor run a little."""
    await deferLater(any_reactor, 0.005)
