"""``pipetwist check --route``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.command_line import PROGRAM, call
from tests.support.scratch import scratch_folder

_DOCUMENT = """{
  "inbounds": [
    {"type": "unix", "tag": "pipe", "path": "in.sock", "users": [
      {"name": "alice", "uid": 1}, {"name": "bob", "uid": 2}]},
    {"type": "tcp", "tag": "tcp", "listen_port": 1},
  ],
  "outbounds": [
    {"type": "fork", "tag": "one", "command": ["cat"]},
    {"type": "fork", "tag": "two", "command": ["cat"]},
  ],
  "route": {
    "rules": [
      {"auth_user": "alice",
       "outbound": "two"},
      {"source_ip_cidr": "10.0.0.0/8", "outbound": "two"},
      {"inbound": "tcp", "source_ip_cidr": "192.0.2.0/24", "action": "reject"},
    ],
    FINAL
  },
}
"""


class RouteTest(SynchronousTestCase):
    """One connection at a time."""

    def setUp(self) -> None:
        """Write the file."""
        self.path = scratch_folder(self) / "route.json"
        self.path.write_text(_DOCUMENT.replace("FINAL", ""), encoding="utf-8")

    def ask(self, *words: str) -> tuple[int | str | None, str, str]:
        """The exit status, and what is said, without the file's name."""
        status, output, errors = call("check", str(self.path), "--route", *words)
        return (
            status,
            output.replace(str(self.path), "FILE"),
            errors.replace(str(self.path), "FILE"),
        )

    def test_rule(self) -> None:
        """The rule that decides is named with its line, and where it leads."""
        self.assertEqual(
            self.ask("inbound=pipe", "user=alice"),
            (0, 'FILE:13:7: route.rules[0] sends it to the outbound "two"\n', ""),
        )
        self.assertEqual(
            self.ask("source=10.1.2.3", "inbound=tcp"),
            (0, 'FILE:15:7: route.rules[1] sends it to the outbound "two"\n', ""),
        )

    def test_reject(self) -> None:
        """So is one that rejects."""
        self.assertEqual(
            self.ask("inbound=tcp", "source=192.0.2.1"),
            (0, "FILE:16:7: route.rules[2] rejects it\n", ""),
        )

    def test_final(self) -> None:
        """Where no rule matches it is the final outbound, or the first."""
        asked = "inbound=tcp", "source=192.168.0.1"
        self.assertEqual(
            self.ask(*asked),
            (0, 'FILE:8:5: no rule matches it; it goes to the first outbound, "one"\n', ""),
        )
        text = _DOCUMENT.replace("FINAL", '"final": "two"')
        self.path.write_text(text, encoding="utf-8")
        said = 'no rule matches it; route.final sends it to the outbound "two"'
        self.assertEqual(self.ask(*asked), (0, f"FILE:18:5: {said}\n", ""))

    def test_refused(self) -> None:
        """A client that is none of the inbound's users comes to no rule."""
        self.assertEqual(
            self.ask("inbound=pipe"),
            (
                0,
                'FILE:3:5: the inbound "pipe" refuses it, since it is none of its users\n',
                "FILE: note: user=NAME says whose it is\n",
            ),
        )

    def test_users(self) -> None:
        """Users may stand at the top, and who is known by the address alone needs no name."""
        users = [{"name": "alice", "uid": 1}, {"name": "dora", "source": ["10.0.0.0/8"]}]
        for named in ("*", ["dora", "alice"]):
            document = {
                "users": users,
                "inbounds": [{"type": "tcp", "tag": "tcp", "listen_port": 1, "users": named}],
                "outbounds": [{"type": "fork", "tag": tag, "command": ["cat"]} for tag in "ab"],
                "route": {"rules": [{"auth_user": "dora", "outbound": "b"}]},
            }
            self.path.write_text(json.dumps(document), encoding="utf-8")
            for words in (["user=dora"], ["source=10.0.0.1"]):
                said = self.ask("inbound=tcp", *words)[1]
                self.assertTrue(said.endswith('rules[0] sends it to the outbound "b"\n'), said)
            self.assertIn("refuses it", self.ask("inbound=tcp", "source=11.0.0.1")[1])
            self.assertIn("no user named", self.ask("inbound=tcp", "user=bob")[2])
            self.assertIn("no rule matches it", self.ask("inbound=tcp", "user=alice")[1])

    def test_users_of_a_file(self) -> None:
        """They may stand in a file of their own."""
        users = self.path.with_name("users.jsonl")
        users.write_text('{"name": "eve", "uid": 5}\n', encoding="utf-8")
        users.chmod(0o600)
        inbound = {"type": "unix", "tag": "unix", "path": "in.sock", "users": "*"}
        document = {
            "users_file": users.name,
            "inbounds": [inbound],
            "outbounds": [{"type": "fork", "tag": tag, "command": ["cat"]} for tag in "ab"],
            "route": {"rules": [{"auth_user": "eve", "outbound": "b"}]},
        }
        self.path.write_text(json.dumps(document), encoding="utf-8")
        said = self.ask("inbound=unix", "user=eve")
        self.assertTrue(said[1].endswith('rules[0] sends it to the outbound "b"\n'), said)
        self.assertIn("no user named", self.ask("inbound=unix", "user=dora")[2])

    def test_no_address(self) -> None:
        """Where a rule asks for the address that is not given, the answer says so."""
        note = (
            "FILE: note: route.rules[1] asks for the client's address; without source=ADDRESS it "
            "has none, as by a unix socket\n"
        )
        said = 'FILE:8:5: no rule matches it; it goes to the first outbound, "one"\n'
        self.assertEqual(self.ask("inbound=pipe", "user=bob"), (0, said, note))
        self.assertEqual(self.ask("inbound=pipe", "user=alice")[2], "")

    def test_network(self) -> None:
        """Of an inbound for streams and datagrams either may be asked about."""
        plugin = {"type": "sip003", "tag": "far", "plugin": "cat", "listen_port": 1}
        framed = {"type": "fork", "command": ["cat"], "framing": "rfc4571"}
        document = {
            "inbounds": [{**plugin, "plugin_mode": "tcp_and_udp"}],
            "outbounds": [{**framed, "tag": "a", "framing": None}, {**framed, "tag": "b"}],
            "route": {"rules": [{"network": "udp", "outbound": "b"}]},
        }
        self.path.write_text(json.dumps(document), encoding="utf-8")
        note = "FILE: note: without network=udp it is a stream; datagrams go elsewhere\n"
        for words, outbound, said in (
            ((), "a", note),
            (("network=tcp",), "a", ""),
            (("network=udp",), "b", ""),
        ):
            status, output, errors = self.ask("inbound=far", *words)
            self.assertEqual((status, errors), (0, said))
            self.assertIn(f'outbound, "{outbound}"' if outbound == "a" else '"b"', output)

    def test_json(self) -> None:
        """For programs it is JSON."""
        expected: dict[tuple[str, ...], Any] = {
            ("inbound=pipe", "user=alice"): {"rule": 0, "outbound": "two"},
            ("inbound=tcp", "source=192.0.2.9"): {"rule": 2, "outbound": None},
            ("inbound=pipe", "user=bob", "source=::1"): {"rule": None, "outbound": "one"},
            ("inbound=pipe",): None,
        }
        for words, decision in expected.items():
            told = json.loads(self.ask(*words, "--json")[1])
            self.assertEqual(told["decision"], decision)
        told = json.loads(self.ask("--json", "inbound=pipe", "user=alice")[1])
        self.assertEqual(
            told,
            {
                "file": "FILE",
                "line": 13,
                "column": 7,
                "key": "route.rules[0]",
                "text": 'route.rules[0] sends it to the outbound "two"',
                "decision": {"rule": 0, "outbound": "two"},
            },
        )

    def test_wrong(self) -> None:
        """What can't be asked is said, with exit status 2."""
        wanted = "write inbound=TAG, and user=NAME, source=ADDRESS and network=udp if they matter"
        for words, said in (
            ((), f"there is no inbound; {wanted}"),
            (("user=alice",), f"there is no inbound; {wanted}"),
            (("inbound=pipe", "bob"), f"bob can't be read; {wanted}"),
            (("inbound=pipe", "user="), f"user= can't be read; {wanted}"),
            (("inbound=pipe", "inbound=tcp"), f"inbound=tcp can't be read; {wanted}"),
            (("inbound=pope",), 'no inbound has the tag "pope"; did you mean "pipe"?'),
            (
                ("inbound=pipe", "user=alise"),
                'the inbound "pipe" has no user named "alise"; did you mean "alice"?',
            ),
            (("inbound=tcp", "user=alice"), 'the inbound "tcp" has no user named "alice"'),
            (("inbound=tcp", "source=localhost"), "localhost is no IP address"),
            (
                ("inbound=tcp", "network=udp"),
                'the inbound "tcp" takes no connection of the network "udp"; it takes "tcp"',
            ),
        ):
            status, output, errors = self.ask(*words)
            self.assertEqual((status, output), (2, ""), words)
            self.assertEqual(errors.splitlines()[-1], f"Error: --route: {said}")

    def test_bad_file(self) -> None:
        """What is wrong with the file is said first, and nothing else."""
        self.path.write_text(_DOCUMENT.replace("FINAL", '"final": "three"'), encoding="utf-8")
        status, output, errors = self.ask("inbound=pipe", "user=alice")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("no outbound has the tag", errors)

    def test_standard_input(self) -> None:
        """The file may be standard input."""
        said = subprocess.run(
            [*PROGRAM, "check", "-", "--route", "inbound=pipe", "user=alice"],
            input=_DOCUMENT.replace("FINAL", ""),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.assertEqual(
            said.stdout, '<standard input>:13:7: route.rules[0] sends it to the outbound "two"\n'
        )
