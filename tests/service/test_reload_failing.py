"""A reload that fails changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs, formatEvent

from pipetwist.api.options import ApiOptions, ApiTlsOptions
from pipetwist.config.document import ExperimentalOptions
from pipetwist.errors import StartError
from pipetwist.inbounds.endpoint import EndpointInboundOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.inbound_options import TlsServerOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.service import reload
from pipetwist.service.building import make_inbound
from pipetwist.service.tree import PipetwistService
from tests.service.reload_case import TOOL, ReloadTestCase


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


class AllOrNothingTest(ReloadTestCase):
    """What can't be had."""

    def unharmed(self, tree: PipetwistService) -> None:
        """It is as it was: one inbound "in", one outbound, which are used."""
        self.assertEqual(
            (self.there(), list(tree.inbounds), list(tree.outbounds)), (["in"], ["in"], ["tool"])
        )
        # Besides these the tree has what the processes of plug-ins are in, and its limits.
        self.assertEqual(len(list(tree)), 4)
        before = self.commands(tree)["tool"]
        self.connect()
        self.assertEqual(self.commands(tree), {"tool": before + 1})

    def test_outbound(self) -> None:
        """If an outbound's command is not there, nothing changes."""
        tree = self.start()
        inbounds = (self.inbound("in"), self.inbound("new"))
        outbounds = (TOOL, replace(TOOL, tag="bad", command=("no-such-command",)))
        self.assertIn(
            "outbound bad: there is no command",
            self.refused(tree, inbounds=inbounds, outbounds=outbounds),
        )
        self.unharmed(tree)

    def test_inbound(self) -> None:
        """If a new inbound can't listen, the other new ones listen no more, and one that was to
        change is as it was.
        """
        tree = self.start()
        changed = replace(
            self.inbound("in"),
            mode=0o666,
            users=(UserOptions(name="bob", uid=os.geteuid() + 1),),
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
        """If what made room can't listen again, that is logged, and everything else is taken back
        all the same.
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
        """If a socket's file can't be given away, be it one that is made again, the users are those
        of before too.
        """
        tree = self.start()
        bob = UserOptions(name="bob", uid=os.geteuid() + 1)
        options = replace(self.inbound("in"), owner="no-such-user", users=(bob,))
        self.refused_owner(tree, inbounds=(options,))
        self.unharmed(tree)
        (self.folder / "in").unlink()
        with capturedLogs():
            self.reload(tree)
        self.refused_owner(tree, inbounds=(options,))
        self.unharmed(tree)

    def test_files(self) -> None:
        """If one socket's file can't be given away, the others have their modes again."""
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
        """If a certificate of an inbound can't be had, nothing changes."""
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
            self.refused(tree, outbounds=(replace(TOOL, command=("no-such-command",)),)),
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
