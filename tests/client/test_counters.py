"""Counters read from, and reset at, servers that make different things of patterns."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.services import XRAY_SERVICE
from pipetwist.client.calls import StatsCalls
from pipetwist.client.counters import BadPatternError, Selection, read_counters, reset_counters
from pipetwist.errors import ServerError
from tests.support.api_server import counted, start_api, target_of
from tests.support.foreign_servers import (
    COUNTERS,
    SingBox,
    V2Ray4,
    V2Ray5,
    Xray,
    calls_to,
    server_of,
)

_ALICE = {"user>>>alice>>>traffic>>>downlink": 5, "user>>>alice>>>traffic>>>uplink": 3}
_SELECTIONS: tuple[tuple[Selection, set[str]], ...] = (
    (Selection(), set(COUNTERS)),
    (Selection([""]), set(COUNTERS)),
    (Selection(["alice"]), set(_ALICE)),
    (Selection(["alice", "bob"]), {*_ALICE, "user>>>bob>>>traffic>>>uplink"}),
    (
        Selection(["alice", "uplink"]),
        {*_ALICE, "user>>>bob>>>traffic>>>uplink", "inbound>>>in>>>traffic>>>uplink"},
    ),
    (Selection(["^user>>>(alice|carol)>"], regexp=True), set(_ALICE)),
    (Selection(["^inbound", "bob"], regexp=True), set(COUNTERS) - set(_ALICE)),
    (Selection(["a.ice"]), set()),
    (Selection(["carol", ""]), set(COUNTERS)),
)


class SelectionTest(SynchronousTestCase):
    """Which names are meant."""

    def test_everything(self) -> None:
        """No pattern means everything, and so does an empty one among others."""
        for patterns in ((), ("",), ("a", "")):
            self.assertEqual(Selection(patterns).patterns, ())
            self.assertTrue(Selection(patterns).matches("b"))

    def test_texts(self) -> None:
        """A text is looked for as it is, in upper and lower case as it is."""
        self.assertEqual(
            [Selection(["a.b"]).matches(name) for name in ("xa.by", "axb", "A.b")],
            [True, False, False],
        )

    def test_bad_regexp(self) -> None:
        """A regular expression that is none is named, with the reason."""
        error = self.assertRaises(BadPatternError, Selection, ["ok", "(x"], regexp=True)
        self.assertEqual(str(error), 'the pattern "(x" is not a regular expression: missing ): (x')


class ForeignTest(SynchronousTestCase):
    """The same questions to servers that differ."""

    servers: tuple[type[V2Ray5], ...] = (V2Ray4, V2Ray5, SingBox, Xray)

    def test_read(self) -> None:
        """Each server gives the counters that are meant, by name, each once, and none is reset."""
        for kind in self.servers:
            servicer = kind()
            calls = calls_to(self, servicer)
            for selection, names in _SELECTIONS:
                found = read_counters(calls, selection)
                self.assertEqual(
                    found, {name: COUNTERS[name] for name in names}, (kind, selection.patterns)
                )
                self.assertEqual(list(found), sorted(found))
            self.assertEqual(servicer.counters, COUNTERS)

    def test_reset(self) -> None:
        """A reset gives what it ends, and leaves every counter that was not meant, at each
        server.
        """
        for kind in self.servers:
            for selection, names in _SELECTIONS:
                servicer = kind()
                taken = dict(reset_counters(calls_to(self, servicer), selection))
                self.assertEqual(
                    taken, {name: COUNTERS[name] for name in names}, (kind, selection.patterns)
                )
                self.assertEqual(
                    servicer.counters,
                    {name: 0 if name in names else value for name, value in COUNTERS.items()},
                )

    def test_all_at_once(self) -> None:
        """Everything is reset by one call, so that nothing is counted between two."""
        servicer = V2Ray5()
        list(reset_counters(calls_to(self, servicer), Selection()))
        self.assertEqual([name for name, _ in servicer.calls], ["QueryStats"])

    def test_gone(self) -> None:
        """A counter that goes between its name and its reset is left out."""
        for kind in self.servers:
            servicer = kind()
            resets = reset_counters(calls_to(self, servicer), Selection(["user"]))
            first = next(resets)
            self.assertEqual(first, ("user>>>alice>>>traffic>>>downlink", 5))
            del servicer.counters["user>>>alice>>>traffic>>>uplink"]
            self.assertEqual(list(resets), [("user>>>bob>>>traffic>>>uplink", 4)], kind)

    def test_failure_on_the_way(self) -> None:
        """If the server stops answering, what was reset until then is there, and the error says how
        far it came.
        """
        servicer = V2Ray5()
        calls = calls_to(self, servicer)
        resets = reset_counters(calls, Selection(["user"]))
        next(resets)
        servicer.read = lambda name, *, reset: 1 / 0  # type: ignore[assignment,method-assign,return-value] # it fails
        error = self.assertRaises(ServerError, list, resets)
        self.assertTrue(str(error).endswith("(1 of 3 counters were reset before that)"), error)

    def test_unknown_name(self) -> None:
        """A name that a server does not have is no error."""
        for kind in self.servers:
            self.assertIsNone(calls_to(self, kind()).get_stats("none"), kind)


class OrdersTest(SynchronousTestCase):
    """What goes over the wire."""

    def test_one_text(self) -> None:
        """One text is given in both fields, so that every server can spare the rest."""
        servicer = V2Ray5()
        read_counters(calls_to(self, servicer), Selection(["alice"]))
        ((_, request),) = servicer.calls
        self.assertEqual(
            (request.pattern, list(request.patterns), request.regexp, request.reset),
            ("alice", ["alice"], False, False),
        )

    def test_one_regexp(self) -> None:
        """A regular expression is not given as a pattern, which Xray would look for as a text."""
        servicer = V2Ray5()
        read_counters(calls_to(self, servicer), Selection(["a.ice"], regexp=True))
        ((_, request),) = servicer.calls
        self.assertEqual(
            (request.pattern, list(request.patterns), request.regexp), ("", ["a.ice"], True)
        )


class XrayNameTest(ForeignTest):
    """Servers that know the service by Xray's name alone, as its first versions do."""

    def setUp(self) -> None:
        """Take the other name away."""
        for kind in self.servers:
            self.patch(kind, "services", (XRAY_SERVICE,))

    def test_all_at_once(self) -> None:
        """Both names are tried, the second is answered."""
        servicer = Xray()
        calls = calls_to(self, servicer)
        self.assertEqual(read_counters(calls, Selection()), COUNTERS)


class PipetwistTest(SynchronousTestCase):
    """The same questions to pipetwist."""

    def test_read_and_reset(self) -> None:
        """It answers as the others do."""
        for selection, names in _SELECTIONS:
            store = counted(COUNTERS)
            calls = StatsCalls(server_of(target_of(start_api(self, store))))
            self.addCleanup(calls.close)
            expected = {name: COUNTERS[name] for name in names}
            self.assertEqual(read_counters(calls, selection), expected)
            self.assertEqual(dict(reset_counters(calls, selection)), expected)
            left = {counter.name: counter.value() for counter in store.counters()}
            self.assertEqual(
                left, {name: 0 if name in names else value for name, value in COUNTERS.items()}
            )

    def test_largest(self) -> None:
        """A counter beyond the wire's integers has the largest of them."""
        calls = StatsCalls(server_of(target_of(start_api(self, counted({"a": 2**70})))))
        self.addCleanup(calls.close)
        self.assertEqual(read_counters(calls, Selection()), {"a": 2**63 - 1})
