"""How ``pipetwist stats`` shows counters, and what it says where it has none to show."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.cli.traffic import in_order, sums
from pipetwist.stats.counters import MemoryCounterStore
from tests.support.api_server import counted, start_api, target_of
from tests.support.command_line import TerminalCall, call, plain
from tests.support.foreign_servers import COUNTERS, SingBox, V2Ray4, V2Ray5, Xray, serve

_ALICE = "user>>>alice>>>traffic>>>"
_BOB = "user>>>bob>>>traffic>>>"
_VALUES = {
    "inbound>>>pipe-in>>>traffic>>>downlink": 5,
    "inbound>>>pipe-in>>>traffic>>>uplink": 1,
    f"{_ALICE}downlink": 10,
    f"{_ALICE}uplink": 20,
    f"{_BOB}uplink": 40,
}


class FormsTest(SynchronousTestCase):
    """CSV, the order and sums."""

    def setUp(self) -> None:
        """A server."""
        servicer = V2Ray5()
        servicer.counters = {**_VALUES, "of nobody": 7}
        self.address = serve(self, servicer)

    def test_csv(self) -> None:
        """CSV has a row for each inbound, outbound and user, and for each other counter."""
        status, output, errors = call("stats", "-s", self.address, "--csv")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(
            output.splitlines(),
            [
                "entity,name,uplink,downlink,total",
                "inbound,pipe-in,1,5,6",
                "user,alice,20,10,30",
                "user,bob,40,0,40",
                ",of nobody,,,7",
            ],
        )

    def test_quoted_csv(self) -> None:
        """A name is quoted where CSV needs it, and does nothing to a terminal."""
        servicer = V2Ray5()
        servicer.counters = {'user>>>a,"b"\x1b>>>traffic>>>uplink': 1}
        _, output, _ = call("stats", "-s", serve(self, servicer), "--csv")
        self.assertEqual(output.splitlines()[1], 'user,"a,""b""\\x1b",1,0,1')

    def test_sort(self) -> None:
        """The largest comes first, in every form; counters of one user stay together."""
        for by, names in (
            ("total", ["bob", "alice", "alice", "pipe-in", "pipe-in"]),
            ("uplink", ["bob", "alice", "alice", "pipe-in", "pipe-in"]),
            ("downlink", ["alice", "alice", "pipe-in", "pipe-in", "bob"]),
            ("name", ["pipe-in", "pipe-in", "alice", "alice", "bob"]),
        ):
            _, lines, _ = call("stats", "-s", self.address, "--sort", by, ">>>")
            self.assertEqual([line.split(">>>")[1] for line in lines.splitlines()], names)
            _, output, _ = call("stats", "-s", self.address, "--sort", by, "--json", ">>>")
            found = json.loads(output)["stat"]
            self.assertEqual([stat["name"].split(">>>")[1] for stat in found], names)
        self.assertEqual(in_order(_VALUES, "name"), _VALUES)

    def test_sums(self) -> None:
        """Several of one entity have a sum, which a terminal shows below them."""
        self.assertEqual(sums(_VALUES), [("user", 60, 10)])
        terminal = TerminalCall(self, ["stats", "-s", self.address, ">>>"])
        self.assertEqual(terminal.status(), 0)
        lines = [line.split() for line in plain(terminal.text).splitlines()]
        self.assertEqual(lines[-1], ["user", "sum", "60", "B", "10", "B"])
        self.assertEqual([line[1] for line in lines[1:]], ["pipe-in", "alice", "bob", "sum"])

    def test_narrow(self) -> None:
        """A terminal that is too narrow for the table has each figure on a line of its own, and no
        word is broken.
        """
        servicer = V2Ray5()
        servicer.counters = {"outbound>>>plugin-of-mine>>>traffic>>>uplink": 2048}
        address = serve(self, servicer)
        shown = []
        for columns in (32, 48):
            terminal = TerminalCall(self, ["stats", "-s", address], columns=columns)
            self.assertEqual(terminal.status(), 0)
            shown.append([line.rstrip() for line in plain(terminal.text).splitlines()])
            self.assertLessEqual(max(map(len, shown[-1])), columns)
        self.assertEqual(shown[0], ["outbound plugin-of-mine", "  uplink 2.0 KiB"])
        self.assertEqual(shown[1][0].split(), ["name", "uplink", "downlink"])

    def test_usage(self) -> None:
        """CSV is one table, and a total is not reset."""
        for arguments in (["--csv", "--json"], ["--csv", "--watch"], ["--total", "--reset"]):
            status, _, errors = call("stats", "-s", self.address, *arguments)
            self.assertEqual((status, "leave" in errors), (2, True), errors)


class NothingTest(SynchronousTestCase):
    """Patterns that match nothing."""

    def test_status(self) -> None:
        """It is said which do, and the status is that of grep: 0 if any matches, 1 if none does."""
        address = serve(self, V2Ray5())
        status, output, errors = call("stats", "-s", address, "bob", "none", "nobody")
        self.assertEqual((status, output), (0, f"{_BOB}uplink\t4\n"))
        self.assertEqual(
            errors,
            'pipetwist: no counter matches "none"\npipetwist: no counter matches "nobody"\n',
        )
        self.assertEqual(
            call("stats", "-s", address, "none"),
            (1, "", 'pipetwist: no counter matches "none"\n'),
        )
        status, output, _ = call("stats", "-s", address, "--json", "none")
        self.assertEqual((status, json.loads(output)), (1, {"stat": []}))

    def test_reset_with_stars(self) -> None:
        """A reset by a pattern with stars resets nothing, says so, and says what a star is."""
        for servicer in (V2Ray4(), V2Ray5(), SingBox(), Xray()):
            status, output, errors = call(
                "stats", "-s", serve(self, servicer), "--reset", "user>>>*>>>traffic>>>*"
            )
            self.assertEqual((status, output), (1, ""))
            self.assertEqual(
                errors,
                'pipetwist: no counter matches "user>>>*>>>traffic>>>*", and nothing was reset; '
                "without --regexp a pattern is a text in which signs like * stand for themselves, "
                "so that user>>> alone selects all users\n",
            )
            self.assertEqual(servicer.counters, COUNTERS)

    def test_regular_expression(self) -> None:
        """One that matches nothing is not told what a star is."""
        errors = call("stats", "-s", serve(self, V2Ray5()), "-e", "^x.*")[2]
        self.assertEqual(errors, 'pipetwist: no counter matches "^x.*"\n')

    def test_nothing_counted(self) -> None:
        """A server that counts nothing is no failure, and it is said what to write."""
        status, output, errors = call("stats", "-s", target_of(start_api(self)))
        self.assertEqual((status, output), (0, ""))
        self.assertIn("nothing is counted: what is to be is listed in experimental", errors)


class TotalTest(SynchronousTestCase):
    """``--total`` of a server."""

    def test_totals(self) -> None:
        """A reset does not change it, nor does it reset anything."""
        store: MemoryCounterStore = counted({f"{_ALICE}uplink": 5, f"{_BOB}uplink": 6})
        address = target_of(start_api(self, store))
        self.assertEqual(call("stats", "-s", address, "--reset", "alice")[0], 0)
        store.counter(f"{_ALICE}uplink").add(2)
        for _ in range(2):
            self.assertEqual(
                call("stats", "-s", address, "--total"),
                (0, f"{_ALICE}uplink\t7\n{_BOB}uplink\t6\n", ""),
            )
        self.assertEqual(
            call("stats", "-s", address, "--total", "alice"), (0, f"{_ALICE}uplink\t7\n", "")
        )
        self.assertEqual(call("stats", "-s", address, "alice")[1], f"{_ALICE}uplink\t2\n")

    def test_others(self) -> None:
        """Of a server that does not know it the values since the reset are not taken for totals."""
        for servicer in (V2Ray4(), V2Ray5(), SingBox(), Xray()):
            status, output, errors = call("stats", "-s", serve(self, servicer), "--total")
            self.assertEqual((status, output), (1, ""))
            self.assertIn("tells only what was counted since the last reset", errors)
