"""What threads other than the reactor's may touch, by the table in docs/architecture.md, and that
what they see is whole.
"""

from __future__ import annotations

import pwd
import re
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any
from urllib.request import urlopen

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

import pipetwist
from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions, LogOptions, RouteOptions
from pipetwist.control.options import ControlOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.network.effective_ids import Ids
from pipetwist.outbounds.as_client import ClientConnector
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.udp import UdpOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.web.options import WebOptions
from tests.control.case import Control
from tests.support.api_server import Client
from tests.support.scratch import scratch_folder

_DOCUMENT = Path(pipetwist.__file__).parent.parent / "docs" / "architecture.md"
_HERE = object()
_SWAPPING = ("pipetwist.relay.routing_table", "pipetwist.service.reload")


def _closed(connected: socket.SocketType) -> Any:
    """Make no side of it."""
    connected.close()
    return _HERE


def _allowed(who: str) -> tuple[str, ...]:
    """The modules and rooms that the document's row of somebody lets its thread touch."""
    (row,) = (
        line
        for line in _DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {who} |")
    )
    return tuple(f"pipetwist.{name}" for name in re.findall(r"`([\w.]+)`", row.split("|")[3]))


def _classes() -> Iterator[type]:
    """Every class of ours that is loaded and may have a state."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pipetwist."):
            for found in list(vars(module).values()):
                if (
                    isinstance(found, type)
                    and found.__module__ == name
                    and not issubclass(found, Enum | BaseException)
                ):
                    yield found


class _Guard:
    """Notes what threads read of the objects of our classes, other than the thread that it was made
    in.

    Args:
        allowed: the modules and rooms whose objects they may read.
        others: threads of others, of which nothing is noted.
    """

    def __init__(self, allowed: tuple[str, ...], others: Collection[threading.Thread]) -> None:
        self.strays: set[str] = set()
        """Which attributes of which classes they have read that they may not."""
        self._allowed = allowed
        self._others = others
        self._home = threading.get_ident()
        self._undo: list[Callable[[], None]] = []
        for guarded in _classes():
            self._guard(guarded)

    def _guard(self, guarded: Any) -> None:
        inherited = "__getattribute__" not in vars(guarded)
        read = guarded.__getattribute__

        def reading(this: Any, name: str) -> Any:
            if (
                threading.get_ident() != self._home
                and threading.current_thread() not in self._others
            ):
                self._note(type(this), name)
            return read(this, name)

        guarded.__getattribute__ = reading
        self._undo.append(
            lambda: (
                delattr(guarded, "__getattribute__")
                if inherited
                else setattr(guarded, "__getattribute__", read)
            )
        )

    def _note(self, read: type, name: str) -> None:
        if name != "__class__" and not f"{read.__module__}.".startswith(
            tuple(f"{name}." for name in self._allowed)
        ):
            self.strays.add(f"{read.__module__}.{read.__qualname__}.{name}")

    def allow(self, who: str) -> None:
        """Another thread reads something meanwhile, and may."""
        self._allowed = (*self._allowed, *_allowed(who))

    def release(self) -> None:
        """Note no more."""
        while self._undo:
            self._undo.pop()()


class _ThreadsCase(TestCase):
    timeout = 300

    def setUp(self) -> None:
        """Find the threads that wait for another look-up of an earlier test: each sees that there
        is none, whenever its time is up.
        """
        self.earlier = [
            thread for thread in threading.enumerate() if thread.name.startswith("pipetwist ")
        ]

    def start(
        self,
        listen: str | None = "127.0.0.1:0",
        *,
        controls: bool = False,
        records: bool = False,
    ) -> PipetwistService:
        """Start a tree with everything that is counted and shown; the test's clean-up stops it.

        Args:
            listen: where the API listens; None for no API.
            controls: whether there is a control service.
            records: whether connection records are written.
        """
        self.path = str(scratch_folder(self) / "in")
        stats = StatsOptions(
            enabled=True,
            inbounds=("in", "udp-in"),
            outbounds=("echo",),
            users=("nobody",),
            store=f"{self.path}.counters",
        )
        nobody = UserOptions(name="nobody", uid=65533)
        document = Document(
            inbounds=(
                UnixInboundOptions(tag="in", path=self.path),
                UnixInboundOptions(tag="closed", path=f"{self.path}.closed", users=(nobody,)),
                UdpInboundOptions(tag="udp-in", listen_port=0),
            ),
            outbounds=(
                ForkOutboundOptions(tag="echo", command=("cat",), prefork=1),
                UdpOutboundOptions(tag="udp", server="127.0.0.1", server_port=9),
            ),
            route=RouteOptions(rules=(RuleOptions(inbound=("udp-in",), outbound="udp"),)),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen=listen, stats=stats)),
            control=ControlOptions(listen=f"unix:{self.path}.control") if controls else None,
            metrics=WebOptions(listen="127.0.0.1:0"),
            log=LogOptions(connections=f"{self.path}.jsonl" if records else None),
        )
        tree = PipetwistService(document, reactor)
        tree.startService()
        self.addCleanup(tree.stopService)
        return tree

    async def talk(self, tree: PipetwistService) -> None:
        """Have a connection open that has carried something; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(self.path)
        client.sendall(b"hello")
        self.assertEqual(await deferToThread(client.recv, 9), b"hello")

    def guard(self, who: str) -> _Guard:
        """Guard every object; the test's clean-up ends that."""
        guard = _Guard(_allowed(who), self.earlier)
        self.addCleanup(guard.release)
        return guard


class ThreadsTest(_ThreadsCase):
    """A tree that runs in the reactor's thread."""

    async def test_scrape(self) -> None:
        """A scrape touches nothing in its thread but what the document lets it touch."""
        tree = self.start()
        await self.talk(tree)
        guard = self.guard("a scrape of the metrics")
        for _ in range(2):
            said = await deferToThread(
                lambda address: urlopen(address, timeout=60).read(),
                f"http://{tree.web.address}/metrics",
            )
            self.assertIn(
                b'pipetwist_traffic_bytes_total{direction="uplink",entity="outbound",tag="echo"} '
                b"5.0",
                said,
            )
        self.assertEqual(guard.strays, set())

    async def test_call(self) -> None:
        """A call of the API touches nothing in its thread but what the document lets it touch."""
        tree = self.start()
        await self.talk(tree)
        client = Client(self, str(tree.api.address), "v2ray.core.app.stats.command.StatsService")
        guard = self.guard("a call of the API")
        answer = await deferToThread(client.call, "QueryStats", pattern="echo", reset=True)
        self.assertEqual({stat.value for stat in answer.stat}, {5})
        await deferToThread(client.call, "GetAllOnlineUsers")
        await deferToThread(client.call, "GetSysStats")
        self.assertEqual(guard.strays, set())

    async def test_control(self) -> None:
        """So does a call of the control service, which has the reactor's thread do the work."""
        tree = self.start(listen=None, controls=True)
        await self.talk(tree)
        client = Control(self, f"unix:{self.path}.control")
        guard = self.guard("a call of the control service")
        (one,) = await client.list(inbounds=["in"])
        self.assertEqual((await client.close(ids=[one.id])).closed, 1)
        self.assertEqual(guard.strays, set())

    async def test_file(self) -> None:
        """The thread that waits for the disk touches nothing but what the document lets it
        touch.
        """
        tree = self.start(listen=None)
        await self.talk(tree)
        guard = self.guard("the file of counters")
        await tree.stopService()
        self.assertEqual(guard.strays, set())

    async def test_records(self) -> None:
        """So does the thread that writes connection records."""
        tree = self.start(listen=None, records=True)
        await self.talk(tree)
        guard = self.guard("the file of connection records")
        guard.allow("the file of counters")
        await tree.stopService()
        self.assertEqual(guard.strays, set())
        self.assertEqual(Path(f"{self.path}.jsonl").read_bytes().count(b"\n"), 1)

    async def test_look_up(self) -> None:
        """The thread that looks a name up touches nothing but what the document lets it touch."""
        tree = self.start(listen=None)
        guard = self.guard("a look-up of a name")
        self.assertTrue(await tree.lookups.find("localhost", 80))
        self.assertEqual(guard.strays, set())

    async def test_account(self) -> None:
        """The thread that looks a user up touches nothing but what the document lets it
        touch.
        """
        tree = self.start(listen=None)
        guard = self.guard("a look-up of a user or a group")
        owned = UnixInboundOptions(tag="in", path=self.path, owner=pwd.getpwuid(0).pw_name)
        await tree.reload(replace(tree.document, inbounds=(owned,)))
        self.assertEqual(guard.strays, set())

    async def test_as_client(self) -> None:
        """The thread that connects as its client touches nothing but what the document lets it
        touch.
        """
        self.start(listen=None)
        connector = ClientConnector(reactor, self.fail, call=lambda _, call: call())
        nobody = Ids(1, 1, ())
        guard = self.guard("a connection as its client")
        connected = await connector.connect(nobody, self.path, "there", _closed)
        self.assertEqual((connected, guard.strays), (_HERE, set()))


class GuardTest(_ThreadsCase):
    """The guard itself."""

    async def test_notices(self) -> None:
        """A scrape that reads what runs is noticed."""
        tree = self.start()
        scraped: Any = tree.web._root.children[b"metrics"]
        counters = scraped._sources.store.counters
        scraped._sources.store.counters = lambda: (len(tree.inbounds), counters())[1]
        guard = self.guard("a scrape of the metrics")
        await deferToThread(
            lambda address: urlopen(address, timeout=60).read(),
            f"http://{tree.web.address}/metrics",
        )
        self.assertIn("pipetwist.service.tree.PipetwistService.inbounds", guard.strays)


class WholeTest(_ThreadsCase):
    """A tree that is reloaded, and another thread that looks at it meanwhile."""

    async def test_reload(self) -> None:
        """At whatever step of a reload another thread looks, it sees a whole generation: of one
        document, with all of its parts.
        """
        tree = self.start()
        first = tree.document
        second = replace(
            first,
            inbounds=tuple(
                replace(options, tag=f"{options.tag}-2") for options in first.inbounds[:2]
            ),
            outbounds=tuple(
                replace(options, tag=f"{options.tag}-2") for options in first.outbounds
            ),
            route=RouteOptions(),
            experimental=ExperimentalOptions(
                v2ray_api=ApiOptions(stats=StatsOptions(enabled=True, users=("nobody",)))
            ),
        )
        known = {
            tuple(options.tag for options in document.inbounds): _shape(document)
            for document in (first, second)
        }
        seen: dict[Any, int] = {}

        def look() -> None:
            now, inbounds = tree.generation, tuple(tree.inbounds)
            shape = (
                tuple(now.inbounds),
                tuple(now.outbounds),
                now.router.choose("udp-in", None),
                tuple(now.tracked.names()),
            )
            for one in (shape, known.get(inbounds, inbounds)):
                seen[one] = seen.get(one, 0) + 1

        for document in (second, first):
            with _looking_at_each_step(look):
                await tree.reload(document)
        self.assertEqual(set(seen), set(known.values()))
        self.assertGreater(min(seen.values()), 100)


@contextmanager
def _looking_at_each_step(look: Callable[[], None]) -> Iterator[None]:
    """Have a thread of its own look between any two steps of this thread that are ours, while this
    thread waits.
    """
    asked, looked = SimpleQueue[bool](), SimpleQueue[BaseException | None]()

    def run() -> None:
        try:
            while asked.get():
                look()
                looked.put(None)
        except BaseException as error:  # noqa: BLE001 - it is told to the test
            looked.put(error)

    def step(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(str(_DOCUMENT.parent.parent / "pipetwist")):
            return None
        frame.f_trace_opcodes = frame.f_globals["__name__"] in _SWAPPING
        if event in ("line", "opcode"):
            asked.put(True)
            error = looked.get(timeout=60)
            if error is not None:
                raise error
        return step

    thread, before = threading.Thread(target=run), sys.gettrace()
    thread.start()
    sys.settrace(step)
    try:
        yield
    finally:
        sys.settrace(before)
        asked.put(False)
        thread.join(60)


def _shape(document: Document) -> tuple[Any, ...]:
    """What a whole generation of a document is."""
    api = document.experimental.v2ray_api
    assert api is not None
    counted = [
        ("inbound", api.stats.inbounds),
        ("outbound", api.stats.outbounds),
        ("user", api.stats.users),
    ]
    return (
        tuple(options.tag for options in document.inbounds),
        tuple(options.tag for options in document.outbounds),
        document.route.rules[0].outbound if document.route.rules else document.final,
        tuple((entity, name) for entity, names in counted for name in names),
    )
