"""The commands that ask a server: what they print, for people, for lines and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.stats.online import OnlineUsers
from tests.support.api_server import counted, start_api, target_of
from tests.support.command_line import TerminalCall, call, plain
from tests.support.foreign_servers import (
    COUNTERS,
    FirstOnlineXray,
    SingBox,
    V2Ray4,
    V2Ray5,
    Xray,
    serve,
)

_ESCAPE = "user>>>\x1b[2Jeve\n>>>traffic>>>uplink"


class StatsTest(SynchronousTestCase):
    """``pipetwist stats``, where no terminal is."""

    def test_lines(self) -> None:
        """Each counter is a line with its name, a TAB and its bytes, by name and uplink first."""
        names = (
            *("inbound>>>in>>>traffic>>>uplink", "inbound>>>in>>>traffic>>>downlink"),
            *("user>>>alice>>>traffic>>>uplink", "user>>>alice>>>traffic>>>downlink"),
            "user>>>bob>>>traffic>>>uplink",
        )
        self.assertEqual(set(names), set(COUNTERS))
        expected = "".join(f"{name}\t{COUNTERS[name]}\n" for name in names)
        for servicer in (V2Ray4(), V2Ray5(), SingBox(), Xray()):
            self.assertEqual(call("stats", "-s", serve(self, servicer)), (0, expected, ""))

    def test_patterns(self) -> None:
        """Patterns choose, as texts or as regular expressions."""
        address = serve(self, V2Ray4())
        self.assertEqual(
            call("stats", "-s", address, "bob"), (0, "user>>>bob>>>traffic>>>uplink\t4\n", "")
        )
        self.assertEqual(
            call("stats", "-s", address, "-e", "^user.*b>", "bob"),
            (0, "user>>>bob>>>traffic>>>uplink\t4\n", ""),
        )

    def test_json(self) -> None:
        """JSON has the shape of the API's answer, with plain numbers."""
        status, output, _ = call("stats", "--json", "-s", serve(self, V2Ray5()), "bob")
        self.assertEqual(
            (status, json.loads(output)),
            (0, {"stat": [{"name": "user>>>bob>>>traffic>>>uplink", "value": 4}]}),
        )

    def test_reset(self) -> None:
        """A reset prints what it ends, and resets nothing else."""
        servicer = SingBox()
        self.assertEqual(
            call("stats", "-s", serve(self, servicer), "--reset", "bob"),
            (0, "user>>>bob>>>traffic>>>uplink\t4\n", ""),
        )
        self.assertEqual(servicer.counters, {**COUNTERS, "user>>>bob>>>traffic>>>uplink": 0})

    def test_reset_that_breaks_off(self) -> None:
        """Values that were reset before the server failed are printed, since nobody can get them
        again, and the status is 1.
        """
        servicer = V2Ray5()
        read = servicer.read

        def read_alice_alone(name: str, *, reset: bool) -> Any:
            return 1 / 0 if reset and "bob" in name else read(name, reset=reset)

        servicer.read = read_alice_alone  # type: ignore[method-assign] # a server that fails
        status, output, errors = call("stats", "-s", serve(self, servicer), "--reset", "user")
        self.assertEqual(
            (status, output),
            (1, "user>>>alice>>>traffic>>>uplink\t3\nuser>>>alice>>>traffic>>>downlink\t5\n"),
        )
        self.assertIn("(2 of 3 counters were reset before that)", errors)

    def test_bad_pattern(self) -> None:
        """A regular expression that is none is a mistake of the call; the server is not asked."""
        status, output, errors = call("stats", "-e", "(", "-s", "127.0.0.1:1")
        self.assertEqual((status, output), (2, ""))
        self.assertIn('the pattern "(" is not a regular expression', errors)

    def test_escapes(self) -> None:
        """What a name may do to a terminal, or to the lines, is printed as escapes."""
        servicer = V2Ray5()
        servicer.counters = {_ESCAPE: 1}
        self.assertEqual(
            call("stats", "-s", serve(self, servicer)),
            (0, "user>>>\\x1b[2Jeve\\n>>>traffic>>>uplink\t1\n", ""),
        )


class SystemTest(SynchronousTestCase):
    """``pipetwist sys``."""

    def test_lines_and_json(self) -> None:
        """Every field has its name in V2Ray."""
        expected = {
            "NumGoroutine": 12, "NumGC": 0, "Alloc": 3145728, "TotalAlloc": 1099511627776, "Sys": 0,
            "Mallocs": 0, "Frees": 0, "LiveObjects": 0, "PauseTotalNs": 1500000, "Uptime": 93784,
        }  # fmt: skip
        address = serve(self, V2Ray4())
        self.assertEqual(
            call("sys", "-s", address),
            (0, "".join(f"{name}\t{value}\n" for name, value in expected.items()), ""),
        )
        self.assertEqual(json.loads(call("sys", "-s", address, "--json")[1]), expected)

    def test_pipetwist(self) -> None:
        """Pipetwist's own figures come."""
        status, output, _ = call("sys", "-s", target_of(start_api(self)), "--json")
        self.assertEqual(status, 0)
        self.assertGreater(json.loads(output)["LiveObjects"], 1000)


class OnlineTest(SynchronousTestCase):
    """``pipetwist online``."""

    def test_lines_and_json(self) -> None:
        """Each source is a line; JSON has the form of Xray's GetUsersStats."""
        online = OnlineUsers(lambda: 100.0)
        online.opened("alice", "pid:7")
        online.opened("alice", "192.0.2.1")
        address = target_of(start_api(self, online=online))
        self.assertEqual(
            call("online", "-s", address), (0, "alice\t192.0.2.1\t100\nalice\tpid:7\t100\n", "")
        )
        entries = [{"ip": "192.0.2.1", "last_seen": 100}, {"ip": "pid:7", "last_seen": 100}]
        self.assertEqual(
            json.loads(call("online", "-s", address, "--json")[1]),
            {"users": [{"email": "alice", "ips": entries}]},
        )

    def test_counts_alone(self) -> None:
        """Of a server that says only how many sources a user has, that number is shown."""
        address = serve(self, FirstOnlineXray())
        self.assertEqual(call("online", "-s", address), (0, "alice\t2 sources\t0\n", ""))
        self.assertEqual(
            json.loads(call("online", "-s", address, "--json")[1]),
            {"users": [{"email": "alice", "sources": 2}]},
        )

    def test_nobody(self) -> None:
        """If nobody is online, there is no line."""
        self.assertEqual(call("online", "-s", target_of(start_api(self))), (0, "", ""))

    def test_unsupported(self) -> None:
        """A server that does not know is reported, with status 1."""
        status, output, errors = call("online", "-s", serve(self, V2Ray5()))
        self.assertEqual((status, output), (1, ""))
        self.assertTrue(
            errors.startswith("pipetwist: this server can't list who is online"), errors
        )


class ServerOptionsTest(SynchronousTestCase):
    """Which server is asked."""

    def setUp(self) -> None:
        """A server with a counter."""
        self.address = target_of(start_api(self, counted({"a": 1})))

    def configuration(self, api: object) -> str:
        """A configuration with such an API."""
        path = Path(self.mktemp())
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "inbounds": [{"type": "tcp", "tag": "in", "listen_port": 1}],
            "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
            "experimental": {"v2ray_api": api},
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    def environment(self, value: str) -> None:
        """Say the server in the environment."""
        import os

        self.patch(os, "environ", {**os.environ, "PIPETWIST_SERVER": value})

    def test_environment(self) -> None:
        """The environment's server is asked, but where the command line says another."""
        self.environment(self.address)
        self.assertEqual(call("stats"), (0, "a\t1\n", ""))
        self.assertEqual(call("stats", "-s", "127.0.0.1:1")[0], 1)

    def test_configuration(self) -> None:
        """The server of a configuration is asked, whatever the environment says."""
        self.environment("127.0.0.1:1")
        self.assertEqual(
            call("stats", "-c", self.configuration({"listen": self.address})), (0, "a\t1\n", "")
        )

    def test_configuration_without_api(self) -> None:
        """A configuration whose daemon can't be asked is reported, with its file and place."""
        for api, said in (
            (None, "experimental.v2ray_api.listen is missing"),
            ({"stats": {"enabled": True}}, "experimental.v2ray_api.listen is missing"),
            ({"listen": "127.0.0.1:0"}, "nothing listens on port 0"),
        ):
            path = self.configuration(api)
            status, output, errors = call("stats", "-c", path)
            self.assertEqual((status, output), (1, ""))
            self.assertTrue(errors.startswith(f"{path}: experimental.v2ray_api.listen"), errors)
            self.assertIn(said, errors)

    def test_bad_configuration(self) -> None:
        """The problems of a configuration that can't be used are reported as by ``check``."""
        path = self.configuration({"listen": "x"})
        self.assertEqual(call("stats", "-c", path)[2], call("check", path)[2])

    def test_configuration_with_tls(self) -> None:
        """A configuration with TLS is asked with TLS."""
        files = {"certificate_path": "a.pem", "key_path": "a.key"}
        path = self.configuration({"listen": self.address, "tls": files})
        self.assertIn(f"{self.address} speaks no TLS", call("stats", "-c", path)[2])

    def test_usage(self) -> None:
        """Options that don't go together, and values that are none, are mistakes of the call."""
        for arguments, said in (
            (("-s", "a:1", "-c", "b.json"), "--server and --config both say which server"),
            (("--cert", "a.pem"), "--cert and --key go together"),
            (("-s", "10085"), "is not an address"),
            (("--timeout", "soon"), "is not a duration"),
            (("--timeout", "0"), "longer than 0"),
        ):
            status, _, errors = call("stats", *arguments)
            self.assertEqual((status, said in errors), (2, True), errors)

    def test_durations(self) -> None:
        """A time-out is written as in a configuration, or as a number of seconds."""
        for written in ("20", "20.5", "20s", "1m", "20000ms"):
            self.assertEqual(call("stats", "-s", self.address, "--timeout", written)[0], 0)


class TerminalTest(SynchronousTestCase):
    """What people see."""

    def shown(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """What a call shows on a terminal."""
        terminal = TerminalCall(self, arguments, environment)
        self.assertEqual(terminal.status(), status, terminal.text)
        return terminal.text

    def test_stats(self) -> None:
        """Counters are a table with sizes in units, or in bytes where asked for."""
        servicer = V2Ray5()
        servicer.counters = {
            "inbound>>>in>>>traffic>>>uplink": 1536,
            "inbound>>>in>>>traffic>>>downlink": 0,
            "user>>>a>>>traffic>>>uplink": 9,
        }
        address = serve(self, servicer)
        lines = [line.split() for line in plain(self.shown("stats", "-s", address)).splitlines()]
        self.assertEqual(
            lines,
            [
                ["name", "uplink", "downlink"],
                ["inbound", "in", "1.5", "KiB", "0", "B"],
                ["user", "a", "9", "B"],
            ],
        )
        self.assertIn(" 1536 ", plain(self.shown("stats", "-s", address, "--bytes")))

    def test_no_colour(self) -> None:
        """With NO_COLOR there is no colour, and without it there is (no-color.org)."""
        address = serve(self, V2Ray5())
        self.assertIn("\x1b[36m", self.shown("stats", "-s", address))
        self.assertNotIn("\x1b[36m", self.shown("stats", "-s", address, NO_COLOR="1"))
        self.assertNotIn("\x1b[", self.shown("stats", "-s", address, TERM="dumb"))

    def test_escapes(self) -> None:
        """A name from the server does nothing to the terminal, and markup in it is text."""
        servicer = V2Ray5()
        servicer.counters = {_ESCAPE: 1, "user>>>[red]x[/red]>>>traffic>>>uplink": 1, "\x1b[2J": 1}
        shown = self.shown("stats", "-s", serve(self, servicer))
        self.assertNotIn("\x1b[2J", shown)
        self.assertIn("\\x1b[2Jeve\\n", shown)
        self.assertIn("[red]x[/red]", shown)

    def test_nothing(self) -> None:
        """No counter and nobody online are said in words, once."""
        address = target_of(start_api(self))
        shown = self.shown("stats", "-s", address)
        self.assertTrue(shown.startswith("pipetwist: nothing is counted: what is to be is"), shown)
        shown = self.shown("stats", "-s", address, "bob", status=1)
        self.assertEqual(shown.strip(), 'pipetwist: no counter matches "bob"')
        self.assertIn("Nobody is online.", self.shown("online", "-s", address))

    def test_sys(self) -> None:
        """Figures are in units, and those that the server does not know are left out."""
        shown = plain(self.shown("sys", "-s", serve(self, V2Ray5())))
        lines = [line.split("  ") for line in shown.splitlines()]
        found = {parts[0].strip(): parts[-1].strip() for parts in lines}
        self.assertEqual(
            found,
            {
                "up for": "1d 2h",
                "memory in use": "3.0 MiB",
                "memory allocated so far": "1.0 TiB",
                "goroutines or threads": "12",
                "time taken by them": "1.5 ms",
            },
        )

    def test_online(self) -> None:
        """Each source is a row, with how long ago it was seen."""
        lines = plain(
            self.shown("online", "-s", serve(self, Xray("GetUsersStats", "GetStatsOnlineIpList")))
        ).splitlines()
        self.assertEqual(
            [line.split()[:2] for line in lines[1:]],
            [["alice", "192.0.2.1"], ["192.0.2.2", lines[2].split()[1]]],
        )
        self.assertTrue(lines[1].endswith(" ago"), lines)
