"""``pipetwist stats --store`` and ``pipetwist stats forget``: the file of a daemon that is not
asked.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.stats.names import DIRECTIONS, traffic_name
from tests.support.command_line import TerminalCall, call, plain
from tests.support.counter_files import close, figures, kill, open_store
from tests.support.scratch import scratch_folder


class _FileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """A file in which two users and an inbound have 3 bytes in each direction, of which alice's
        uplink was reset at 2.
        """
        self.path = scratch_folder(self) / "counters.db"
        self.store = open_store(self.path)
        uplink = self.store.counter(traffic_name("user", "alice", "uplink"))
        uplink.add(2)
        uplink.reset()
        uplink.add(1)
        self.store.counter(traffic_name("user", "alice", "downlink")).add(3)
        for direction in DIRECTIONS:
            self.store.counter(traffic_name("inbound", "alice", direction)).add(3)
            self.store.counter(traffic_name("user", "bob", direction)).add(3)

    def stats(self, *arguments: str) -> tuple[dict[str, int], str]:
        """What ``pipetwist stats`` reads in the file, and what it says on standard error."""
        status, output, errors = call("stats", "--store", str(self.path), "--json", *arguments)
        self.assertEqual(status, 0, errors)
        return {stat["name"]: stat["value"] for stat in json.loads(output)["stat"]}, errors


class ReadTest(_FileTestCase):
    """``pipetwist stats --store FILE``."""

    def test_stopped(self) -> None:
        """Of a stopped daemon the values since the resets are shown, or the totals, and nothing is
        said of the file.
        """
        close(self.store)
        found, errors = self.stats("user>>>alice")
        self.assertEqual(
            (found, errors),
            ({"user>>>alice>>>traffic>>>downlink": 3, "user>>>alice>>>traffic>>>uplink": 1}, ""),
        )
        found, _ = self.stats("--total", "--regexp", "^user>>>alice.*uplink$")
        self.assertEqual(found, {"user>>>alice>>>traffic>>>uplink": 3})

    def test_running(self) -> None:
        """A running daemon is not disturbed, and it is said that it goes on."""
        self.addCleanup(close, self.store)
        found, errors = self.stats()
        self.assertEqual(len(found), 6)
        self.assertEqual(
            errors,
            f"pipetwist: {self.path}: a running daemon uses this file; it goes on counting\n",
        )

    def test_killed(self) -> None:
        """Of a daemon that was killed everything is there, and it is said that it was."""
        kill(self.store)
        found, errors = self.stats()
        self.assertEqual(len(found), 6)
        self.assertIn("the daemon did not shut down cleanly; no counts are lost", errors)

    def test_table(self) -> None:
        """On a terminal it is the same table."""
        close(self.store)
        terminal = TerminalCall(self, ["stats", "--store", str(self.path), "bob"])
        self.assertEqual(terminal.status(), 0)
        self.assertEqual(
            plain(terminal.text).splitlines()[1].split(), ["user", "bob", "3", "B", "3", "B"]
        )

    def test_bad_files(self) -> None:
        """A file that is not there, or is another, is reported with status 1."""
        close(self.store)
        other = self.path.parent / "other"
        other.write_text("something else", encoding="utf-8")
        for path in (other, self.path.parent / "none"):
            status, output, errors = call("stats", "--store", str(path))
            self.assertEqual((status, output), (1, ""))
            self.assertTrue(errors.startswith(f"pipetwist: {path}: "), errors)
            self.assertEqual(len(errors.splitlines()), 1)

    def test_usage(self) -> None:
        """What needs a server does not go with a file."""
        close(self.store)
        for arguments, said in (
            (["--reset"], "--store only reads"),
            (["-s", "127.0.0.1:1"], "asks no server"),
            (["-c", "a.json"], "asks no server"),
        ):
            status, _, errors = call("stats", "--store", str(self.path), *arguments)
            self.assertEqual((status, said in errors), (2, True), errors)


class ForgetTest(_FileTestCase):
    """``pipetwist stats forget NAME...``."""

    def left(self) -> set[tuple[str, str]]:
        """Of whom there are counters still."""
        store = open_store(self.path)
        try:
            return {
                (parts[0], parts[1]) for parts in (name.split(">>>") for name in figures(store))
            }
        finally:
            close(store)

    def test_user(self) -> None:
        """A plain name is a user's: both counters go, what they had counted in all is shown, and an
        inbound of that name stays.
        """
        close(self.store)
        said = "user>>>alice>>>traffic>>>uplink\t3\nuser>>>alice>>>traffic>>>downlink\t3\n"
        self.assertEqual(call("stats", "forget", "alice", "--store", str(self.path)), (0, said, ""))
        self.assertEqual(self.left(), {("inbound", "alice"), ("user", "bob")})

    def test_other_names(self) -> None:
        """A name may say what it is of, or be a counter's whole."""
        close(self.store)
        self.assertEqual(
            call(
                "stats",
                "forget",
                "inbound>>>alice",
                "user>>>bob>>>traffic>>>uplink",
                "--store",
                str(self.path),
            )[0],
            0,
        )
        self.assertEqual(
            set(self.stats()[0]),
            {
                *(f"user>>>alice>>>traffic>>>{d}" for d in DIRECTIONS),
                "user>>>bob>>>traffic>>>downlink",
            },
        )

    def test_part_of_a_name(self) -> None:
        """A part of a name is no name: nobody is forgotten for what they begin with, nor is anybody
        else in the same call.
        """
        close(self.store)
        before = self.path.read_bytes()
        for names in (
            ["ali"],
            ["bob", "carol", "dave"],
            ["user"],
            ["user>>>"],
            ["user>>>ali"],
            ["user>>>alice>>>traffic>>>up"],
        ):
            status, output, errors = call("stats", "forget", *names, "--store", str(self.path))
            self.assertEqual((status, output), (1, ""), names)
            self.assertIn("nothing was removed", errors)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertIn(
            "has no counter of carol, dave;",
            call("stats", "forget", "bob", "carol", "dave", "--store", str(self.path))[2],
        )

    def test_running(self) -> None:
        """While a daemon uses the file nothing is removed."""
        self.addCleanup(close, self.store)
        status, output, errors = call("stats", "forget", "bob", "--store", str(self.path))
        self.assertEqual((status, output), (1, ""))
        self.assertTrue(errors.startswith(f"pipetwist: {self.path}: "), errors)

    def test_configuration(self) -> None:
        """The file may be that of a configuration, which has to name one."""
        close(self.store)
        stats = {"enabled": True, "store": "counters.db"}
        document = {
            "inbounds": [{"type": "tcp", "tag": "in", "listen_port": 1}],
            "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
            "experimental": {"v2ray_api": {"stats": stats}},
        }
        path = self.path.parent / "pipetwist.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        self.assertEqual(call("stats", "forget", "bob", "-c", str(path))[0], 0)
        self.assertEqual(self.left(), {("inbound", "alice"), ("user", "alice")})
        del stats["store"]
        path.write_text(json.dumps(document), encoding="utf-8")
        self.assertIn(
            f"{path}: experimental.v2ray_api.stats.store is missing",
            call("stats", "forget", "bob", "-c", str(path))[2],
        )

    def test_usage(self) -> None:
        """A call needs a name and one file."""
        for arguments in (["--store", "a"], ["bob"], ["bob", "--store", "a", "--config", "b"]):
            self.assertEqual(call("stats", "forget", *arguments)[0], 2)

    def test_pattern(self) -> None:
        """Behind -- or an option forget is a pattern of ``pipetwist stats``."""
        close(self.store)
        for arguments in (["--", "forget"], ["--bytes", "forget"]):
            self.assertEqual(
                call("stats", "--store", str(self.path), *arguments),
                (1, "", 'pipetwist: no counter matches "forget"\n'),
            )
        status, _, errors = call("stats", "-s", "127.0.0.1:1", "forget")
        self.assertEqual((status, "nothing listens" in errors), (1, True))
