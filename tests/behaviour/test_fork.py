"""Commands of a pipetwist: their groups, and what they are started with."""

from __future__ import annotations

import os
import pwd
import shlex

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.kernel import process_side
from pipetwist.process import side
from pipetwist.service.tree import PipetwistService
from tests.behaviour.fork_case import ALL, OWN_GROUP, ForkCase, processes
from tests.behaviour.pairs import over_pairs
from tests.support.waiting import until


@over_pairs(OWN_GROUP)
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
        self.assertEqual(processes(), [])
        await self.gone(pids)

    def _hurry(self) -> None:
        """Give a command less time to end by itself than it usually has."""
        for module in (side, process_side):
            self.patch(module, "END_OF_FILE_SECONDS", 0.05)


@over_pairs(ALL)
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
