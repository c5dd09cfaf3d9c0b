"""What is particular about commands: their pipes, their exit, and that none of them is left."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet import process, reactor
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import implementer

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.kernel import process_side
from pipetwist.process import side
from pipetwist.service.tree import PipetwistService
from tests.behaviour.case import PairCase
from tests.behaviour.clients import UnixClients
from tests.behaviour.commands import GivenCommands, ReactorGivenCommands
from tests.behaviour.pairs import Pair, over_pairs
from tests.behaviour.peer import Peer
from tests.support.scratch import has_ended
from tests.support.waiting import until

_OWN_GROUP = (
    Pair(UnixClients, GivenCommands, "kernel"),
    Pair(UnixClients, GivenCommands, "stream"),
)
_ALL = (*_OWN_GROUP, Pair(UnixClients, ReactorGivenCommands, "stream"))


class ForkCase(PairCase):
    """A client of a command that the test gives."""

    servers: GivenCommands

    async def run_command(self, *command: str, **options: object) -> Peer:
        """Start pipetwist in front of a command, and connect a client."""
        self.servers.give(*command, **options)
        await self.begin()
        return await self.client()

    async def run_script(self, script: str, **options: object) -> Peer:
        """Start pipetwist in front of a script for sh, and connect a client."""
        return await self.run_command("sh", "-c", script, **options)

    async def pids(self, client: Peer, count: int) -> list[int]:
        """Wait until the command has said so many numbers of processes, one a line; none of them is
        left when the test ends.
        """
        await until(lambda: client.received.count(b"\n") >= count, f"{count} numbers of processes")
        return [int(line) for line in client.received.split()[:count]]

    async def gone(self, pids: Sequence[int]) -> None:
        """Wait until these processes have ended."""
        await until(lambda: all(map(has_ended, pids)), f"the end of {pids}")

    async def nothing_left(self) -> None:
        """Wait until the outbound knows of no command any more, and check that none is left."""
        await until(
            lambda: not self.service.outbounds["out"].processes, "the end of the last command"
        )
        self.assertEqual(_processes(), [])


@over_pairs(_ALL)
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


@over_pairs(_ALL)
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
        """A command that a signal kills is told of by the signal's name."""
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


@over_pairs(_OWN_GROUP)
class GroupTest(ForkCase):
    """What pipetwist's own way to start commands has over Twisted's: the whole group ends, and
    standard error is read by itself.
    """

    async def test_standard_error_while_the_client_is_slow(self) -> None:
        """A command whose client does not read can still say all that it wants on standard error;
        Twisted's transport would pause both.
        """
        done = self.folder / "done"
        client = await self.run_script(f"seq 100000 >&2; : > {shlex.quote(str(done))}; exec cat")
        client.hold()
        await until(done.exists, "all to be said")

    async def test_descendant_holds_output(self) -> None:
        """The exit of a command ends the connection, though a descendant has its output open; and
        the descendant.
        """
        client = await self.run_script("sleep 600 & echo $!; exit 0", kill_grace=0.2)
        await client.end()
        pids = [int(client.received)]
        client.close()
        await self.line()
        await self.gone(pids)
        await self.nothing_left()

    async def test_end_of_file_is_enough(self) -> None:
        """A command whose client has gone may end by itself when its input does, and is not
        signalled meanwhile.
        """
        kept = self.folder / "kept"
        client = await self.run_script(
            f"trap 'exit 9' TERM; cat > /dev/null; echo kept > {shlex.quote(str(kept))}"
        )
        client.send(b"x")
        client.close()
        self.assertEqual(await self.reason(), "client closed")
        self.assertEqual(kept.read_text(), "kept\n")

    async def test_sigterm(self) -> None:
        """A command that goes on when its client has gone gets SIGTERM, and so do its
        descendants.
        """
        self._hurry()
        client = await self.run_script(
            "sleep 600 & echo $!; echo $$; sleep 600 <&0", kill_grace=0.3
        )
        pids = await self.pids(client, 2)
        client.close()
        self.assertEqual(await self.reason(), "client closed")
        await self.gone(pids)
        await self.nothing_left()

    async def test_sigkill(self) -> None:
        """A command and a descendant that ignore SIGTERM get SIGKILL after the grace."""
        client = await self.run_script(
            "trap '' TERM; sleep 600 & echo $!; echo $$; wait; wait", kill_grace=0.2
        )
        pids = await self.pids(client, 2)
        client.close()
        line = await self.line()
        await self.gone(pids)
        await self.nothing_left()
        self.assertGreaterEqual(line["seconds"], 0.2)

    async def test_descendant_ignores_sigterm(self) -> None:
        """A descendant that ignores SIGTERM gets SIGKILL, though the command itself has ended."""
        client = await self.run_script(
            "(trap '' TERM; exec sleep 600) & echo $!; echo $$; exec sleep 600", kill_grace=0.2
        )
        pids = await self.pids(client, 2)
        client.close()
        await self.line()
        await self.gone(pids)
        await self.nothing_left()

    async def test_descendant_takes_its_time(self) -> None:
        """A descendant that tidies up on SIGTERM has the grace for it, though the command itself
        ends at once.
        """
        self._hurry()
        kept = self.folder / "kept"
        tidy = (
            f"trap 'sleep 0.1; echo kept > {shlex.quote(str(kept))}; exit' TERM; echo up; sleep "
            "600 & wait"
        )
        client = await self.run_script(f"({tidy}) & echo $!; exec sleep 600", kill_grace=0.5)
        await until(lambda: client.received.count(b"\n") == 2, "the descendant to be up")
        client.close()
        await self.line()
        await until(kept.exists, "the descendant to tidy up")

    async def test_stop(self) -> None:
        """When pipetwist has stopped there is no command left, nor anybody of its group, whatever
        they ignore.
        """
        self.servers.give(
            "sh", "-c", "trap '' TERM; sleep 600 & echo $!; echo $$; wait; wait", kill_grace=0.2
        )
        await self.begin()
        clients = [await self.client() for _ in range(3)]
        pids = [pid for client in clients for pid in await self.pids(client, 2)]
        await self.service.stopService()
        self.assertEqual(_processes(), [])
        await self.gone(pids)

    def _hurry(self) -> None:
        """Give a command less time to end by itself than it usually has."""
        for module in (side, process_side):
            self.patch(module, "END_OF_FILE_SECONDS", 0.05)


@over_pairs(_ALL)
class ContextTest(ForkCase):
    """What commands are started with."""

    async def test_max_processes(self) -> None:
        """A connection beyond the bound is closed, and the next is served when a command has
        ended.
        """
        first = await self.run_script("echo $$; exec cat", max_processes=1)
        await self.pids(first, 1)
        second = await self.client()
        await second.end()
        self.assertEqual(
            await self.reason(), "cannot connect: max_processes (1) commands are running"
        )
        first.close()
        await self.line()
        await self.pids(await self.client(), 1)

    async def test_environment(self) -> None:
        """A command gets the usual variables and its own, and nothing else of the daemon's."""
        self.patch(os, "environ", {**os.environ, "PIPETWIST_SECRET": "1", "LANG": "C"})
        client = await self.run_command("env", env={"KEY": "value", "HOME": "/else"})
        await client.end()
        said = dict(line.split("=", 1) for line in client.received.decode().splitlines())
        self.assertEqual(
            (said["KEY"], said["HOME"], said["LANG"], said["PATH"]),
            ("value", "/else", "C", os.environ["PATH"]),
        )
        self.assertNotIn("PIPETWIST_SECRET", said)

    async def test_inherited_environment(self) -> None:
        """A command may get all of the daemon's environment."""
        self.patch(os, "environ", {**os.environ, "PIPETWIST_SECRET": "1"})
        client = await self.run_command("env", inherit_env=True)
        await client.end()
        self.assertIn("PIPETWIST_SECRET=1", client.received.decode().splitlines())

    async def test_folder(self) -> None:
        """A command may be started in a folder of its own."""
        folder = self.folder / "a folder"
        folder.mkdir()
        client = await self.run_command("pwd", cwd=str(folder))
        await client.end()
        self.assertEqual(client.received.decode(), f"{folder}\n")

    async def test_user(self) -> None:
        """A command may run as another user, with nothing of root's left."""
        if os.geteuid() != 0:
            message = "only root can start a command as another user"
            raise SkipTest(message)
        nobody = pwd.getpwnam("nobody")
        client = await self.run_script(
            'id -u; id -g; id -G; echo "$HOME $USER"; exec cat', user="nobody"
        )
        await until(lambda: client.received.count(b"\n") == 4, "what the command says")
        client.finish()
        await client.end()
        user, group, groups, rest = client.received.decode().splitlines()
        self.assertEqual(
            (int(user), int(group), rest), (nobody.pw_uid, nobody.pw_gid, f"{nobody.pw_dir} nobody")
        )
        self.assertNotIn("0", groups.split())

    async def test_no_such_command(self) -> None:
        """A command that is not there is an error at the start, and nothing listens."""
        self.servers.give(str(self.folder / "missing"))
        document = Document(
            inbounds=(self.clients.inbound(None, 300.0),), outbounds=(self.servers.outbound(5.0),)
        )
        error = self.assertRaises(StartError, PipetwistService, document, reactor)
        self.assertEqual(str(error), f"outbound out: there is no command {self.folder}/missing")

    async def test_not_executable(self) -> None:
        """A command that can't be executed is an error at the start."""
        path = self.folder / "text"
        path.write_text("no program")
        self.servers.give(str(path))
        document = Document(
            inbounds=(self.clients.inbound(None, 300.0),), outbounds=(self.servers.outbound(5.0),)
        )
        error = self.assertRaises(StartError, PipetwistService, document, reactor)
        self.assertEqual(str(error), f"outbound out: the command {path} is not executable")


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


def _processes() -> list[int]:
    """The processes that are children of this one, ended ones that nobody has waited for among
    them.
    """
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
