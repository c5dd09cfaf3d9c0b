"""What an operator sees on the page at a glance, in a real browser: problems, limits and
plug-ins.
"""

from __future__ import annotations

import os
import re
import signal
from typing import Any

from tests.interop.page_case import LIVE, DaemonPageCase
from tests.support.peers import need
from tests.support.scratch import free_port, wait_until

_COUNTS = "document.querySelector('#problems-count').textContent"
_LISTS = "document.querySelector('#problems-lists').textContent"
_HIDDEN = "['limits', 'plugins'].map((id) => document.querySelector(`#${id}`).hidden)"


class ProblemsTest(DaemonPageCase):
    """What goes wrong in a daemon."""

    def configured(self) -> dict[str, Any]:
        """Its outbounds fail: nobody listens, or a command ends badly."""
        nobody = {"name": "nobody", "uid": 65533}
        configuration = super().configured()
        configuration["outbounds"] = [
            {"type": "fork", "tag": "bad", "command": ["sh", "-c", "exit 3"]},
            {"type": "tcp", "tag": "dead", "server": "127.0.0.1", "server_port": free_port(self)},
        ]
        configuration["inbounds"] += [
            {"type": "unix", "tag": "dead-in", "path": "dead.sock"},
            {"type": "unix", "tag": "locked", "path": "locked.sock", "users": [nobody]},
        ]
        configuration["route"] = {"rules": [{"inbound": ["dead-in"], "outbound": "dead"}]}
        return configuration

    def setUp(self) -> None:
        """Open its page."""
        super().setUp()
        self.open()
        self.browser.wait_for(LIVE)

    def test_nothing(self) -> None:
        """Before anything has gone wrong it says so, and shows nothing of what nobody has
        configured.
        """
        self.browser.wait_for(
            _COUNTS, lambda text: text == "Nothing has gone wrong since the start."
        )
        self.assertEqual(self.browser.evaluate(_HIDDEN), [True, True])
        self.browser.evaluate("document.querySelector('#problems summary').click()")
        self.browser.wait_for("document.querySelector('#problems-none').checkVisibility()")
        self.assertEqual(
            self.text("#inbound-panel .nothing"),
            "None of the inbounds that are counted has had a connection yet.",
        )
        self.assertIn('Write "stats": {', self.text("#user-panel .nothing"))
        self.assertEqual(
            self.text("#names-count"), "0 inbounds, 0 outbounds, 0 users that are counted"
        )
        self.browser.evaluate("document.querySelector('#names summary').click()")
        self.browser.wait_for(
            "document.querySelector('#names-shown').textContent",
            lambda text: text.startswith("Nobody has connected yet. "),
        )

    def test_problems(self) -> None:
        """Failures, commands that ended badly and refusals are counted; opened, each is there with
        its reason, and its number leads to the connection that the log has.
        """
        for path in ("in.sock", "dead.sock", "dead.sock", "locked.sock"):
            self.assertEqual(self.connect(path).recv(1), b"")
        expected = "2 failures, 1 command ended badly, 1 client rejected"
        self.browser.wait_for(_COUNTS, lambda text: text == expected)
        self.assertIn(
            "bad", self.browser.evaluate("document.querySelector('#problems-count').className")
        )
        self.browser.evaluate("document.querySelector('#problems summary').click()")
        found = self.browser.wait_for(_LISTS, lambda text: "exited with status 3" in text)
        self.assertRegex(found, r"dead-in → dead: 2 could not be connected, .*: Connection refused")
        self.assertIn("locked: 1 refused, the last", found)
        (number,) = re.findall(
            r"pipe-in → bad: 1 ended badly, the last [-0-9: ]+, number (\d+):", found
        )
        wait_until(lambda: f"{number} pipe-in -> bad" in self.daemon.log, "the line")
        links = "[...document.querySelectorAll('#problems-lists a')]"
        self.browser.evaluate(f"{links}.find((one) => one.textContent === '{number}').click()")
        self.browser.wait_for("document.activeElement.id", lambda id_: id_ == f"ended-{number}")
        self.assertIn("exited with status 3", self.text(f"#ended-{number}"))
        ended = "document.querySelectorAll('#ended-rows tr').length"
        before = self.browser.evaluate(ended)
        self.assertEqual(self.connect("dead.sock").recv(1), b"")
        self.browser.wait_for(ended, lambda rows: rows == before + 1)
        self.assertEqual(self.browser.evaluate("document.activeElement.id"), f"ended-{number}")
        self.browser.evaluate("document.querySelector('#names summary').click()")
        rows = "[...document.querySelectorAll('#names-rows tr')]"
        cells = "?.cells ?? []].map((cell) => cell.textContent).slice(6)"
        for name, tally in (("dead-in", ["0", "3", "0"]), ("locked", ["0", "0", "1"])):
            self.browser.wait_for(
                f"[...{rows}.find((row) => row.cells[1].textContent === '{name}'){cells}",
                lambda found, tally=tally: found == tally,  # type: ignore[misc]  # mypy infers no type of a default
            )
        # of which pipe-in and the outbounds are counted, and the others are not
        self.assertEqual(self.text("#names-count"), "3 inbounds, 2 outbounds, 0 users")

    def test_refused(self) -> None:
        """Clients who are refused are counted where outbounds are told, too, while nothing else
        ends.
        """
        self.browser.evaluate("document.querySelector('#ended summary').click()")
        told = "document.querySelector('#states').textContent"
        for text in ("Inbound locked: 1 client refused.", "Inbound locked: 2 clients refused."):
            self.assertEqual(self.connect("locked.sock").recv(1), b"")
            self.browser.wait_for(told, lambda found, text=text: found == text, seconds=20)  # type: ignore[misc]  # mypy infers no type of a default


class LimitsTest(DaemonPageCase):
    """A user with limits."""

    def configured(self) -> dict[str, Any]:
        """It has a rate, a bound and a quota."""
        quota = {"bytes": "1GB", "per": "day"}
        limits = {"down_mbps": 0.1, "max_connections": 3, "quota": [quota]}
        configuration = super().configured()
        user = {"name": "alice", "uid": os.getuid(), "limits": limits}
        configuration["inbounds"][0].update(users=[user], limits={"max_connections": 9})
        configuration["experimental"]["v2ray_api"]["stats"]["store"] = "counters"
        return configuration

    def test_held(self) -> None:
        """Who is held back is said, and opened, the limits and the quota of each are there, with
        what is used of it.
        """
        self.open()
        self.browser.wait_for(LIVE)
        held = "document.querySelector('#limits-held').textContent"
        self.browser.wait_for(held, lambda text: text == "Nobody is held back now")
        client = self.connect()
        client.setblocking(False)
        client.send(bytes(1 << 20))  # as much as fits, which takes many seconds to come back
        self.browser.wait_for(held, lambda text: text == "Held back now by down_mbps of user alice")
        self.browser.evaluate("document.querySelector('#limits summary').click()")
        rows = "[...document.querySelectorAll('#limits-rows tr')]"
        cells = f"[...({rows}[0]?.cells ?? [])].map((cell) => cell.textContent)"
        kind, name, rate, connections, quota, expires = self.browser.wait_for(
            cells, lambda texts: texts and "held back" in texts[1]
        )
        self.assertEqual(
            (kind, name, rate, connections, expires),
            ("user", "alice held back ↓", "↓ 0.1 Mbit/s", "1 of 3 open", "\N{EN DASH}"),
        )
        self.assertRegex(
            quota, r"^[1-9][\d.]*\xa0KiB of 954\xa0MiB a day, anew \d{4}-\d\d-\d\d \d\d:\d\d$"
        )
        at_once = f"{rows}.map((row) => row.cells[3].textContent)"
        self.assertIn("at most 9 open", self.browser.evaluate(at_once))
        self.assertIn("1 limit reached", self.text("#problems-count"))
        styles = """[...document.querySelector('#rows tr.held').cells].map((cell) => {
          const { color, fontStyle } = getComputedStyle(cell);
          return [cell.className.split(' ')[0], color === getComputedStyle(document.body).color, fontStyle];
        })"""  # noqa: E501  # another language's text
        shown = {name: style for name, *style in self.browser.evaluate(styles)}
        self.assertEqual(shown["inbound"], [True, "normal"])
        self.assertEqual(shown["downlink"], [True, "normal"])
        self.assertEqual(shown["downlink-rate"][1], "italic")

    def test_used_up(self) -> None:
        """Of a quota that is used up there is what holds then, and no dash of what does not."""
        then = {"max_connections": 2}
        quotas = [{"bytes": 9, "per": "day", "then": then}, {"bytes": "1GB", "per": "day"}]
        self.daemon.stop()
        self.configuration["inbounds"][0]["users"][0]["limits"] = {"quota": quotas}
        self.start()
        self.carry(self.connect(), 100)
        self.open()
        self.browser.wait_for(LIVE)
        self.browser.evaluate("document.querySelector('#limits summary').click()")
        text = "document.querySelector('#limits-rows .quota')?.textContent"
        found = self.browser.wait_for(text, lambda text: text and "used up" in text)
        self.assertTrue(found.endswith("; used up, now at most 2 open"), found)


class PluginTest(DaemonPageCase):
    """An outbound through a plug-in."""

    def configured(self) -> dict[str, Any]:
        """It is the only outbound."""
        configuration = super().configured()
        configuration["outbounds"] = [
            {
                "type": "sip003",
                "tag": "obfs",
                "plugin": need("obfs-local"),
                "plugin_opts": "obfs=http",
                "server": "127.0.0.1",
                "server_port": free_port(self),
            }
        ]
        return configuration

    def test_restart(self) -> None:
        """It is ready since so long; one that was killed is started again, and it is said why."""
        self.open()
        self.browser.wait_for(LIVE)
        counts = "document.querySelector('#plugins-count').textContent"
        self.browser.wait_for(counts, lambda text: text == "1 ready")
        self.browser.evaluate("document.querySelector('#plugins summary').click()")
        shown = "document.querySelector('#plugins-list').textContent"
        found = self.browser.wait_for(shown, lambda text: "ready for" in text)
        (pid,) = re.findall(r"^outbound obfs obfs-local\[(\d+)\]: ready for \d+s$", found)
        os.kill(int(pid), signal.SIGKILL)
        found = self.browser.wait_for(
            shown, lambda text: "ready for" in text and "1 restart" in text
        )
        self.assertRegex(found, r"1 restart\. The plug-in .* failed: it was killed by SIGKILL")
