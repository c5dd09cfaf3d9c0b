"""Commands: their pipes, and their exit."""

from __future__ import annotations

import os
import shlex
from typing import Any

from twisted.internet import process
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.behaviour.fork_case import ALL, ForkCase
from tests.behaviour.pairs import over_pairs
from tests.support.waiting import until


@over_pairs(ALL)
class PipesTest(ForkCase):
    """A command's standard input, output and error."""

    async def test_half_close(self) -> None:
        """A client's half-close is the end of the command's standard input."""
        client = await self.run_script("cat; echo end of file")
        client.send(b"to the end, ")
        client.finish()
        await client.end()
        self.assertEqual(bytes(client.received), b"to the end, end of file\n")

    async def test_output_closed_early(self) -> None:
        """A command that closes its standard output goes on reading, while its client has got the
        end of file.
        """
        kept = self.folder / "kept"
        client = await self.run_script(f"echo last words; exec >&-; cat > {shlex.quote(str(kept))}")
        await client.end()
        self.assertEqual(bytes(client.received), b"last words\n")
        client.send(b"x" * 300_000)
        client.finish()
        await self.line()
        self.assertEqual(kept.read_bytes(), b"x" * 300_000)

    async def test_input_closed_early(self) -> None:
        """A command that closes its standard input goes on writing; what is sent to it goes
        nowhere.
        """
        go_on = self.folder / "go on"
        os.mkfifo(go_on)
        client = await self.run_script(
            f"exec <&-; echo closed; read go < {shlex.quote(str(go_on))}; echo last words"
        )
        await client.has(7)
        client.pour(b"unheard" * 1000)
        await until(lambda: client.sent > 3_000_000, "what nobody reads to be dropped")
        client.stop_pouring()
        client.finish()
        go_on.write_bytes(b"go\n")
        await client.end()
        self.assertEqual(bytes(client.received), b"closed\nlast words\n")

    async def test_standard_error(self) -> None:
        """Standard error goes to the log by lines, with tag and number; long ones are cut, and of
        too many the last are there.
        """
        said = _Said(self)
        client = await self.run_script(
            "echo $$; echo oops >&2; printf '%03000d\\n' 7 >&2; seq 1000 >&2; printf unfinished >&2"
        )
        (pid,) = await self.pids(client, 1)
        await client.end()
        client.close()
        await self.line()
        self.assertTrue(all(text.startswith(f"1 out[{pid}]: ") for text in said.texts), said.texts)
        texts = [text.partition(": ")[2] for text in said.texts]
        self.assertEqual(texts[:2], ["oops", "0" * 1000 + "..."])
        self.assertEqual(texts[-2:], ["1000", "unfinished"])
        left_out = [
            int(text[1:].split()[0]) for text in texts if text.endswith("more lines left out)")
        ]
        self.assertEqual(len(texts) - len(left_out) + sum(left_out), 1003)


@over_pairs(ALL)
class EndingTest(ForkCase):
    """A command that exits."""

    async def test_exit(self) -> None:
        """What a command wrote before it exited arrives whole, and its status is in the log."""
        client = await self.run_script("head -c 500000 /dev/zero; exit 3")
        await client.end()
        self.assertEqual(len(client.received), 500_000)
        client.close()
        line = await self.line()
        self.assertEqual(line["reason"], "server closed; server: the command exited with status 3")
        await self.nothing_left()

    async def test_exit_well(self) -> None:
        """A command that exits with status 0 has just closed."""
        client = await self.run_script("echo bye")
        await client.end()
        self.assertEqual(bytes(client.received), b"bye\n")
        client.close()
        self.assertEqual(await self.reason(), "server closed")

    async def test_exit_at_once(self) -> None:
        """A command that has exited before anybody could be told that it runs is heard all the
        same.
        """
        self.patch(process, "registerReapProcessHandler", _after_the_exit)
        said = _Said(self)
        client = await self.run_script("echo $$; echo oops >&2; exit 3")
        await client.end()
        pid = int(client.received)
        client.close()
        self.assertIn("the command exited with status 3", await self.reason())
        self.assertEqual(said.texts, [f"1 out[{pid}]: oops"])

    async def test_killed(self) -> None:
        """A command that a signal kills is reported by the signal's name."""
        client = await self.run_script("kill -SEGV $$")
        await client.end()
        self.assertEqual(await self.reason(), "server: the command was killed by SIGSEGV")

    async def test_slow_client(self) -> None:
        """What a command writes while its client does not read, and exits, arrives whole."""
        client = await self.run_script("echo $$; read go; head -c 1000000 /dev/zero")
        (pid,) = await self.pids(client, 1)
        client.hold()
        client.send(b"go\n")
        await until(lambda: self.sides()[1].received > 100_000, "the command to write")
        client.let_go()
        await client.end()
        self.assertEqual(len(client.received), 1_000_000 + len(f"{pid}\n"))
        client.close()
        await self.line()

    async def test_slow_client_of_a_command_that_has_exited(self) -> None:
        """What is in a command's pipe when it has exited waits for the client."""
        done = self.folder / "done"
        size = 100_000  # the pipe and the socket hold so much, so that the command does not wait
        client = await self.run_script(
            f"echo $$; read go; head -c {size} /dev/zero; : > {shlex.quote(str(done))}"
        )
        (pid,) = await self.pids(client, 1)
        client.hold()
        client.send(b"go\n")
        await until(done.exists, "the command to have written all")
        await self.gone([pid])
        client.let_go()
        await client.end()
        self.assertEqual(len(client.received), size + len(f"{pid}\n"))
        client.close()
        await self.line()

    async def test_client_goes_while_much_is_unread(self) -> None:
        """A command that is ended with output left in its pipe is over at once: nobody else holds
        the pipe.
        """
        client = await self.run_script("echo $$; exec cat /dev/zero", kill_grace=0.1)
        (pid,) = await self.pids(client, 1)
        client.hold()
        client.close()
        await self.gone([pid])
        line = await self.line()
        self.assertIn("client", line["reason"])
        await self.nothing_left()


_register = process.registerReapProcessHandler


def _after_the_exit(pid: int, transport: Any) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _register(pid, transport)


@implementer(ILogObserver)
class _Said:
    """What commands have said on standard error."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.texts: list[str] = []
        globalLogPublisher.addObserver(self)
        case.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "pipetwist" and "line" in event:
            self.texts.append(formatEvent(event) or "")
