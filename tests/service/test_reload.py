"""A running tree goes on by another configuration: all or nothing, and nobody who is in notices."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions, ApiTlsOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions, LogOptions, RouteOptions
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.inbounds.unix_options import PeerUserOptions
from pipetwist.inbounds.unixgram import UnixgramInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service import reload
from pipetwist.service.building import make_inbound
from pipetwist.service.reload import needs_restart
from pipetwist.service.tree import PipetwistService
from pipetwist.web.options import WebOptions, WebTlsOptions
from tests.service.case import TreeTestCase
from tests.support.scratch import free_port

_TOOL = ForkOutboundOptions(tag="tool", command=("cat",))


class _ReloadTestCase(TreeTestCase):
    """A tree that runs."""

    def start(self, *inbounds: Any, **more: Any) -> PipetwistService:
        """Make a tree and start it."""
        tree = self.make(*inbounds, **more)
        tree.startService()
        return tree

    def reload(self, tree: PipetwistService, **more: Any) -> list[str]:
        """Have it go on by its document with other values for these keys; what was logged."""
        with capturedLogs() as events:
            self.successResultOf(tree.reload(replace(tree.document, **more)))
        return [formatEvent(event) for event in events]

    def refused(self, tree: PipetwistService, **more: Any) -> str:
        """Why it does not."""
        return str(
            self.failureResultOf(tree.reload(replace(tree.document, **more)), StartError).value
        )

    def commands(self, tree: PipetwistService) -> dict[str, int]:
        """How many commands each outbound has."""
        return {tag: outbound.processes for tag, outbound in tree.outbounds.items()}


class InboundsTest(_ReloadTestCase):
    """Where clients connect."""

    def test_unchanged(self) -> None:
        """An inbound that stays as it is listens on: the socket is the same, and who waits there
        comes in.
        """
        tree = self.start()
        inode = (self.folder / "in").stat().st_ino
        waiting = socket.socket(socket.AF_UNIX)
        self.addCleanup(waiting.close)
        waiting.connect(str(self.folder / "in"))
        self.reload(tree)
        self.assertEqual((self.folder / "in").stat().st_ino, inode)
        self.turn()
        self.assertEqual(self.commands(tree), {"tool": 1})

    def test_new_and_gone(self) -> None:
        """A new one listens, one that is gone does not, and its socket's file goes."""
        tree = self.start(self.inbound("a"), self.inbound("b"))
        logged = self.reload(tree, inbounds=(self.inbound("b"), self.inbound("c")))
        self.assertEqual((self.there(), list(tree.inbounds)), (["b", "c"], ["b", "c"]))
        self.assertIn("configuration reloaded; inbounds new: c; inbounds gone: a", logged)
        self.connect("c")
        self.assertEqual(self.commands(tree), {"tool": 1})
        self.successResultOf(tree.reload(replace(tree.document, inbounds=(self.inbound("a"),))))
        self.assertEqual(self.there(), ["a"])

    def test_changed(self) -> None:
        """Other users and times hold for who comes from now on, and a mode for the file, while the
        socket is the same.
        """
        tree = self.start()
        client = self.connect()
        inode = (self.folder / "in").stat().st_ino
        strangers = UnixInboundOptions(
            tag="in",
            path=str(self.folder / "in"),
            mode=0o666,
            idle_timeout=1.0,
            users=(PeerUserOptions(name="bob", uid=os.geteuid() + 1),),
        )
        self.assertIn(
            "configuration reloaded; inbounds changed: in", self.reload(tree, inbounds=(strangers,))
        )
        found = (self.folder / "in").stat()
        self.assertEqual((found.st_ino, found.st_mode & 0o777), (inode, 0o666))
        self.assertEqual(self.connect().recv(1), b"")
        self.reactor.advance(60)
        client.sendall(b"still here")
        self.turn()
        self.assertEqual(self.spawner.processes[0].stdin, b"still here")

    def test_other_place(self) -> None:
        """An inbound that keeps its tag and moves listens at its new place alone."""
        tree = self.start()
        self.reload(tree, inbounds=(UnixInboundOptions(tag="in", path=str(self.folder / "moved")),))
        self.assertEqual(self.there(), ["moved"])
        self.connect("moved")

    def test_other_tag(self) -> None:
        """An inbound may take the place of another that goes at the same time."""
        tree = self.start()
        self.reload(
            tree, inbounds=(UnixInboundOptions(tag="renamed", path=str(self.folder / "in")),)
        )
        self.assertEqual((self.there(), list(tree.inbounds)), (["in"], ["renamed"]))
        self.connect()
        self.assertEqual(self.commands(tree), {"tool": 1})

    def test_wider(self) -> None:
        """A port that was open for this machine can be opened for others: the old listener makes
        room for the new one.
        """
        port = free_port(self)
        tree = self.start(TcpInboundOptions(tag="in", listen_port=port))
        self.reload(
            tree, inbounds=(TcpInboundOptions(tag="in", listen="0.0.0.0", listen_port=port),)
        )
        with socket.create_connection(("127.0.0.1", port)):
            self.assertEqual(tree.inbounds["in"].port, port)

    def test_datagrams(self) -> None:
        """An inbound of datagrams keeps its socket where it can, and with other users, times or
        bounds it can.
        """
        udp = UdpInboundOptions(tag="udp", listen_port=free_port(self))
        unix = UnixgramInboundOptions(tag="unix", path=str(self.folder / "dgram"))
        tree = self.start(udp, unix)
        before = dict(tree.inbounds)
        bob = PeerUserOptions(name="bob", uid=os.geteuid())
        self.reload(
            tree,
            inbounds=(
                replace(udp, udp_timeout=1.0, max_associations=1),
                replace(unix, users=(bob,)),
            ),
        )
        self.assertEqual(tree.inbounds, before)
        self.assertEqual(tree.inbounds["udp"].timeouts.idle, 1.0)
        self.reload(tree, inbounds=(replace(udp, listen="0.0.0.0"), replace(unix, mode=0o666)))
        self.assertEqual([tree.inbounds[tag] is before[tag] for tag in before], [False, False])
        self.assertEqual((self.folder / "dgram").stat().st_mode & 0o777, 0o666)

    def test_stopped(self) -> None:
        """After a reload a stop leaves nothing behind, as before, and it can be started again with
        what it has then.
        """
        tree = self.start(self.inbound("a"), self.inbound("b"))
        self.reload(tree, inbounds=(self.inbound("b"), self.inbound("c")))
        self.successResultOf(tree.stopService())
        self.assertEqual((self.there(), self.reactor.readers), ([], set()))
        tree.startService()
        self.assertEqual(self.there(), ["b", "c"])


class OutboundsTest(_ReloadTestCase):
    """Where connections go."""

    def test_unchanged(self) -> None:
        """An outbound with commands that stays as it is goes on with them, those that wait among
        them.
        """
        tree = self.start(outbounds=(replace(_TOOL, prefork=1),))
        outbound = tree.outbounds["tool"]
        self.connect()
        self.reactor.pump([0.1] * 5)
        self.reload(tree, inbounds=(self.inbound("in"), self.inbound("new")))
        self.assertIs(tree.outbounds["tool"], outbound)
        self.assertEqual(
            ([process.pid for process in self.spawner.processes], self.spawner.signals),
            ([1000, 1001], []),
        )

    def test_exchanged(self) -> None:
        """Who is in stays with the command of before; who comes gets another. The old one's
        commands end, and then it is forgotten.
        """
        tree = self.start(outbounds=(replace(_TOOL, prefork=1),))
        client = self.connect()
        self.reactor.pump([0.1] * 5)
        served, ready = self.spawner.processes
        self.reload(tree, outbounds=(replace(_TOOL, command=("cat", "-u")),))
        self.assertEqual(self.spawner.signals, [(ready, 15)])
        self.connect()
        self.assertEqual(self.spawner.processes[-1].command[1:], ("-u",))
        client.sendall(b"as before")
        self.turn()
        self.assertEqual(served.stdin, b"as before")
        before = len(list(tree))
        served.exit()
        self.turn()
        self.assertEqual(len(list(tree)), before - 1)

    def test_gone(self) -> None:
        """An outbound that is gone while its command runs ends with the command's connection, or
        with the daemon.
        """
        tree = self.start()
        client = self.connect()
        self.assertIn(
            "configuration reloaded; outbounds new: plugin; outbounds gone: tool",
            self.reload(tree, outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),)),
        )
        client.sendall(b"hello")
        self.turn()
        self.assertEqual(
            (self.spawner.processes[0].stdin, list(tree.outbounds)), (b"hello", ["plugin"])
        )
        stopped = tree.stopService()
        self.reactor.pump([1] * 10)
        self.successResultOf(stopped)
        self.assertEqual([number for _, number in self.spawner.signals], [15])

    def test_idle(self) -> None:
        """One that is gone without a command is forgotten at once."""
        tree = self.start()
        self.reload(tree, outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),))
        self.assertEqual(list(tree), list(tree.inbounds.values()))

    def test_transfer(self) -> None:
        """Another transfer holds for new connections."""
        tree = self.start(outbounds=(UnixOutboundOptions(tag="plugin", path="/nowhere"),))
        self.assertTrue(tree.outbounds["plugin"].in_kernel)
        self.reload(tree, transfer="stream")
        self.assertFalse(tree.outbounds["plugin"].in_kernel)


class RulesTest(_ReloadTestCase):
    """Which way connections go, and what is counted."""

    def test_route(self) -> None:
        """Rules and the final outbound hold for who comes from now on."""
        tree = self.start(
            self.inbound("a"), self.inbound("b"), outbounds=(_TOOL, replace(_TOOL, tag="other"))
        )
        self.connect("a")
        self.reload(
            tree, route=RouteOptions(rules=(RuleOptions(inbound=("a",), outbound="other"),))
        )
        self.connect("a")
        self.connect("b")
        self.assertEqual(self.commands(tree), {"tool": 2, "other": 1})
        self.reload(tree, route=RouteOptions(final="other"))
        self.connect("b")
        self.assertEqual(self.commands(tree), {"tool": 2, "other": 2})

    def test_counters(self) -> None:
        """Counters stay; names that are listed now are counted for who comes from now on, and
        others no more.
        """

        def experimental(*inbounds: str, enabled: bool = True) -> ExperimentalOptions:
            return ExperimentalOptions(
                v2ray_api=ApiOptions(stats=StatsOptions(enabled=enabled, inbounds=inbounds))
            )

        tree = self.start(self.inbound("a"), self.inbound("b"), experimental=experimental("a"))
        first = self._say(tree, "a")
        self.reload(tree, experimental=experimental("b"))
        self._say(tree, "a")
        self._say(tree, "b")
        first.sendall(b"67")
        self.turn()
        self.assertEqual(self._uplinks(tree), {"a": 7, "b": 5})
        self.reload(tree, experimental=experimental(enabled=False))
        self._say(tree, "b")
        self.assertEqual(self._uplinks(tree), {"a": 7, "b": 5})

    def test_log_level(self) -> None:
        """The log's level is the new one at once; who a client is, is asked where that lets its
        line through.
        """
        tree = self.start()
        self.assertTrue(tree.relay.names_clients)
        self.assertEqual(self.reload(tree, log=LogOptions(level="warn")), [])
        self.assertFalse(tree.relay.names_clients)
        self.assertEqual(len(self.reload(tree, log=LogOptions(level="info"))), 1)
        self.assertTrue(tree.relay.names_clients)

    def test_drain_timeout(self) -> None:
        """A stop goes by the new time."""
        tree = self.start()
        self.connect()
        self.reload(tree, drain_timeout=1.0)
        stopped = tree.stopService()
        self.reactor.pump([1] * 2)
        self.turn()
        self.successResultOf(stopped)

    def _say(self, tree: PipetwistService, name: str) -> socket.socket:
        client = self.connect(name)
        client.sendall(b"hello")
        self.turn()
        return client

    def _uplinks(self, tree: PipetwistService) -> dict[str, int]:
        found = {
            counter.name.split(">>>")[1]: counter
            for counter in tree.store.counters()
            if counter.name.endswith("uplink")
        }
        return {name: counter.value() for name, counter in found.items()}


class _Certificates:
    """A listener whose certificates can be read again.

    Args:
        name: its own.
        shown: takes its name, and where they were read from, when they are shown.
    """

    broken = False

    def __init__(self, name: str, shown: list[object]) -> None:
        self._name = name
        self._shown = shown

    def come_back(self) -> None:
        pass

    def read_certificates(self, tls: object) -> Callable[[], None]:
        if self.broken:
            message = f"{self._name}: broken"
            raise StartError(message)
        return lambda: self._shown.append((self._name, tls))


class AllOrNothingTest(_ReloadTestCase):
    """What can't be had."""

    def unharmed(self, tree: PipetwistService) -> None:
        """It is as it was: one inbound "in", one outbound, which are used."""
        self.assertEqual(
            (self.there(), list(tree.inbounds), list(tree.outbounds)), (["in"], ["in"], ["tool"])
        )
        self.assertEqual(len(list(tree)), 2)
        before = self.commands(tree)["tool"]
        self.connect()
        self.assertEqual(self.commands(tree), {"tool": before + 1})

    def test_outbound(self) -> None:
        """Where an outbound's command is not there, nothing changes."""
        tree = self.start()
        inbounds = (self.inbound("in"), self.inbound("new"))
        outbounds = (_TOOL, replace(_TOOL, tag="bad", command=("no-such-command",)))
        self.assertIn(
            "outbound bad: there is no command",
            self.refused(tree, inbounds=inbounds, outbounds=outbounds),
        )
        self.unharmed(tree)

    def test_inbound(self) -> None:
        """Where a new inbound can't listen, the other new ones listen no more, and one that was to
        change is as it was.
        """
        tree = self.start()
        changed = replace(
            self.inbound("in"),
            mode=0o666,
            users=(PeerUserOptions(name="bob", uid=os.geteuid() + 1),),
        )
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        self.assertIn(
            "there is no folder", self.refused(tree, inbounds=(changed, self.inbound("new"), bad))
        )
        self.assertEqual((self.folder / "in").stat().st_mode & 0o777, 0o600)
        self.unharmed(tree)

    def test_made_room(self) -> None:
        """An inbound that made room for one that can't listen listens again."""
        tree = self.start()
        renamed = UnixInboundOptions(tag="renamed", path=str(self.folder / "in"))
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        self.refused(tree, inbounds=(renamed, bad))
        self.unharmed(tree)

    def test_can_not_go_back(self) -> None:
        """Where what made room can't listen again, that is logged, and everything else is taken
        back all the same.
        """
        tree = self.start(self.inbound("in"), self.inbound("lost"))
        renamed = UnixInboundOptions(tag="renamed", path=str(self.folder / "lost"))
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        again = UnixInboundOptions(tag="again", path=str(self.folder / "in"))
        self.patch(tree.inbounds["lost"], "listen", lambda: fail(StartError("inbound lost: taken")))
        with capturedLogs() as events:
            self.assertIn("there is no folder", self.refused(tree, inbounds=(renamed, again, bad)))
        (event,) = [event for event in events if event["log_level"].name == "error"]
        self.assertEqual(
            formatEvent(event),
            "inbound lost: taken; it existed before the reload, and is missing now",
        )
        self.assertEqual(self.there(), ["in"])
        self.connect()
        self.assertEqual(self.commands(tree), {"tool": 1})

    def refused_owner(self, tree: PipetwistService, **more: Any) -> None:
        """It goes on by no document with an owner who is unknown, for whom a thread asks."""
        reloading = tree.reload(replace(tree.document, **more))
        self.reactor.do_one()
        error = self.failureResultOf(reloading, StartError).value
        self.assertIn("owner: the system has no user", str(error))

    def test_file(self) -> None:
        """Where a socket's file can't be given away, be it one that is made again, the users are
        those of before too.
        """
        tree = self.start()
        bob = PeerUserOptions(name="bob", uid=os.geteuid() + 1)
        options = replace(self.inbound("in"), owner="no-such-user", users=(bob,))
        self.refused_owner(tree, inbounds=(options,))
        self.unharmed(tree)
        (self.folder / "in").unlink()
        with capturedLogs():
            self.reload(tree)
        self.refused_owner(tree, inbounds=(options,))
        self.unharmed(tree)

    def test_files(self) -> None:
        """Where one socket's file can't be given away, the others have their modes again."""
        tree = self.start(self.inbound("a"), self.inbound("b"))
        options = (
            replace(self.inbound("a"), mode=0o666),
            replace(self.inbound("b"), owner="no-such-user"),
        )
        self.refused_owner(tree, inbounds=options)
        self.assertEqual(
            [(self.folder / name).stat().st_mode & 0o777 for name in ("a", "b")], [0o600, 0o600]
        )

    def test_certificate(self) -> None:
        """Where a certificate of an inbound can't be had, nothing changes."""
        tree = self.start()
        tls = TlsServerOptions(
            certificate_path=str(self.folder / "no.pem"), key_path=str(self.folder / "no.key")
        )
        self.assertIn(
            "can't be read",
            self.refused(
                tree,
                inbounds=(self.inbound(), TcpInboundOptions(tag="tls", listen_port=0, tls=tls)),
            ),
        )
        self.unharmed(tree)

    def test_certificates_of_listeners(self) -> None:
        """Certificates of the API and the metrics are shown when all else is there; where one can't
        be used nothing changes.
        """
        tree = self.start()
        shown: list[object] = []
        api, web = _Certificates("api", shown), _Certificates("metrics", shown)
        tree._reloader._api, tree._reloader._web = api, web
        tls = ApiTlsOptions(certificate_path="/c", key_path="/d")
        experimental = ExperimentalOptions(v2ray_api=ApiOptions(listen="127.0.0.1:1", tls=tls))
        self.assertIn(
            "no command",
            self.refused(tree, outbounds=(replace(_TOOL, command=("no-such-command",)),)),
        )
        bad = UnixInboundOptions(tag="bad", path=str(self.folder / "nowhere" / "bad"))
        self.assertIn(
            "no folder",
            self.refused(tree, inbounds=(self.inbound(), bad), experimental=experimental),
        )
        self.assertEqual(shown, [])
        self.reload(tree, experimental=experimental)
        self.assertEqual(shown, [("api", tls), ("metrics", None)])
        web.broken = True
        self.assertEqual(
            self.refused(tree, inbounds=(self.inbound("in"), self.inbound("new"))),
            "metrics: broken",
        )
        self.assertEqual(len(shown), 2)
        self.unharmed(tree)

    def test_not_running(self) -> None:
        """A tree that does not run says so."""
        tree = self.make()
        self.assertIn("does not run", self.refused(tree))
        tree.startService()
        self.successResultOf(tree.stopService())
        self.assertIn("does not run", self.refused(tree))

    def test_one_by_one(self) -> None:
        """A reload that takes its time is waited for by the next, and by a stop."""
        tree = self.start()
        listening: Deferred[None] = Deferred()

        def make(options: Any, context: Any) -> Any:
            inbound = make_inbound(options, context)
            self.patch(inbound, "listen", lambda: listening)
            return inbound

        self.patch(reload, "make_inbound", make)
        slow = EndpointInboundOptions(tag="slow", endpoint="tcp:0")
        first = tree.reload(replace(tree.document, inbounds=(self.inbound(), slow)))
        second = tree.reload(replace(tree.document, inbounds=(self.inbound(),)))
        stopped = tree.stopService()
        for one in (first, second, stopped):
            self.assertNoResult(one)
        self.assertEqual(self.there(), ["in"])
        listening.callback(None)
        for one in (first, second, stopped):
            self.successResultOf(one)
        self.assertEqual((self.there(), list(tree.inbounds)), ([], ["in"]))


class RestartTest(SynchronousTestCase):
    """What can't be changed while it runs."""

    def setUp(self) -> None:
        """Begin with a document."""
        self.document = Document(
            inbounds=(UnixInboundOptions(tag="in", path="/in"),), outbounds=(_TOOL,)
        )

    def test_nothing(self) -> None:
        """Everything that a reload takes over needs no restart."""
        other = replace(
            self.document,
            inbounds=(),
            outbounds=(),
            route=RouteOptions(final="x", rules=(RuleOptions(outbound="x"),)),
            log=LogOptions(level="warn"),
            transfer="stream",
            drain_timeout=1.0,
        )
        self.assertEqual(needs_restart(self.document, other), [])
        api = [
            replace(
                self.document, experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats))
            )
            for stats in (
                StatsOptions(),
                StatsOptions(enabled=True, inbounds=("in",), outbounds=("out",), users=("alice",)),
            )
        ]
        self.assertEqual(needs_restart(*api), [])

    def test_certificates(self) -> None:
        """Certificates may be in other files, and clients' be wanted where they were not; TLS where
        there was none needs a restart.
        """

        def document(api: ApiTlsOptions | None, metrics: WebTlsOptions) -> Document:
            options = ApiOptions(listen="127.0.0.1:1", tls=api)
            web = WebOptions(listen="127.0.0.1:2", tls=metrics)
            return replace(
                self.document, experimental=ExperimentalOptions(v2ray_api=options), metrics=web
            )

        before = document(
            ApiTlsOptions(certificate_path="/a", key_path="/b"),
            WebTlsOptions(certificate_path="/a", key_path="/b"),
        )
        metrics = WebTlsOptions(certificate_path="/c", key_path="/d", client_certificate_path="/e")
        self.assertEqual(
            needs_restart(
                before, document(ApiTlsOptions(certificate_path="/c", key_path="/d"), metrics)
            ),
            [],
        )
        clients = ApiTlsOptions(certificate_path="/c", key_path="/d", client_certificate_path="/e")
        self.assertEqual(needs_restart(before, document(clients, metrics)), [])
        self.assertEqual(
            needs_restart(document(None, metrics), document(clients, metrics)),
            ["experimental.v2ray_api.tls"],
        )

    def test_something(self) -> None:
        """The log's format and the API's listener do, and each is named."""
        other = replace(
            self.document,
            log=LogOptions(format="json"),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen="127.0.0.1:1")),
        )
        self.assertEqual(
            needs_restart(self.document, other), ["log.format", "experimental.v2ray_api"]
        )
        another = replace(
            other,
            experimental=ExperimentalOptions(
                v2ray_api=ApiOptions(listen="127.0.0.1:2", insecure=True)
            ),
        )
        self.assertEqual(
            needs_restart(other, another),
            ["experimental.v2ray_api.listen", "experimental.v2ray_api.insecure"],
        )
