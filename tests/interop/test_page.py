"""The page of a daemon, in a real browser."""

from __future__ import annotations

import re
from typing import Any
from urllib.request import urlopen

from tests.interop.page_case import CONTRASTS, DRAWN, LIVE, ROWS, DaemonPageCase
from tests.interop.wall import Wall
from tests.support.scratch import free_port, wait_until


class DaemonTest(DaemonPageCase):
    """The page of a daemon, with real connections."""

    def test_figures(self) -> None:
        """A connection has its row with the bytes that the counters have, the charts draw it, and
        it goes when it closes.
        """
        self.open()
        self.browser.wait_for(
            "document.querySelector('#nothing')?.textContent",
            lambda text: text and text.startswith("No connection is open."),
        )
        client = self.connect()
        self.carry(client, 3 << 20)
        self.browser.wait_for(
            f"{ROWS}.map((row) => row.querySelector('.downlink').textContent)",
            lambda seen: seen == ["3.0\xa0MiB"],
        )
        self.assertEqual(
            (self.column("inbound"), self.column("outbound"), self.column("uplink")),
            (["pipe-in"], ["echo"], ["3.0\xa0MiB"]),
        )
        self.assertEqual(self.browser.evaluate(f"{ROWS}[0].title"), "Number 1 in the log")
        with urlopen(f"http://{self.address}/metrics", timeout=60) as response:
            metrics = response.read().decode()
        counted = re.findall(
            r'^pipetwist_traffic_bytes_total\{direction="(\w+)",entity="inbound",tag="pipe-in"\} '
            r"(.*)$",
            metrics,
            re.MULTILINE,
        )
        self.assertEqual(
            {direction: float(total) for direction, total in counted},
            {"uplink": 3 << 20, "downlink": 3 << 20},
        )
        self.assertEqual(self.text("#inbound-panel tbody td:nth-of-type(3)"), "3.0\xa0MiB")
        self.assertEqual(self.text("#outbound-panel tbody .name"), "echo")
        self.assertIn('"users": "*"', self.text("#user-panel .nothing"))
        self.carry(client, 1 << 20)
        self.browser.wait_for(f"{DRAWN}('inbound', 0)", lambda pixels: pixels > 20)
        client.close()
        self.browser.wait_for(f"{ROWS}.length", lambda rows: rows == 0)
        self.assertEqual(
            (self.text("#open"), self.text("#downlink")), ("0", "4.0\xa0MiB since the start")
        )

    def test_restart(self) -> None:
        """A page whose daemon goes says so, keeps what it shows, and goes on by itself when the
        daemon is back.
        """
        # Of the attempts: one that comes just as the daemon stops listening is reset by the kernel,
        # before anybody has accepted it, which the browser may see only when it uses the
        # connection.
        self.expected_problems = "ERR_CONNECTION_(REFUSED|RESET)|ERR_SOCKET_NOT_CONNECTED"
        self.open()
        client = self.connect()
        self.carry(client, 5)
        self.browser.wait_for(f"{ROWS}.length")
        self.daemon.stop()
        self.browser.wait_for("document.body.dataset.state === 'lost'")
        self.assertEqual((self.text("#status"), len(self.column("user"))), ("Disconnected", 1))
        self.assertEqual(self.text("title"), "Disconnected · pipetwist")
        self.assertRegex(
            self.text("#lost"),
            r"No connection to pipetwist\.\s+The figures are those of "
            r"\d\d:\d\d:\d\d\.\s+Trying again",
        )
        # The tab's title is what is seen of a page that is behind others, or paused.
        hidden = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
        self.browser.evaluate(hidden % "true")
        self.start(self.daemon.folder)
        self.browser.wait_for(LIVE)
        self.browser.wait_for("document.title", lambda title: title == "0 open · pipetwist")
        self.browser.evaluate(hidden % "false")
        self.assertTrue(self.browser.evaluate("document.querySelector('#lost').hidden"))
        self.browser.wait_for(f"{ROWS}.length", lambda rows: rows == 0)

    def test_ended(self) -> None:
        """Connections that have ended are shown when that is opened, with their reasons and the
        log's numbers, and how their outbound does; at every width, and every text can be read.
        """
        self.daemon.stop()
        self.configuration = {
            "inbounds": [{"type": "unix", "tag": "pipe-in", "path": "in.sock"}],
            "outbounds": [
                {
                    "type": "tcp",
                    "tag": "dead",
                    "server": "127.0.0.1",
                    "server_port": free_port(self),
                }
            ],
            "metrics": {"listen": f"127.0.0.1:{self.port}"},
        }
        self.start()
        self.open()
        self.browser.wait_for(LIVE)
        for _ in range(2):
            self.assertEqual(self.connect().recv(1), b"")
        self.browser.wait_for(
            "document.querySelector('#failing').textContent",
            lambda text: text == "Outbound dead fails.",
        )
        self.browser.evaluate("document.querySelector('#ended summary').click()")
        rows = "[...document.querySelectorAll('#ended-rows tr')]"
        self.browser.wait_for(f"{rows}.length", lambda count: count == 2)
        note = "document.querySelector('#ended-note').textContent"
        self.browser.wait_for(note, lambda text: text.startswith("The last 2;"))
        texts = self.browser.evaluate(
            f"{rows}.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        self.assertEqual([row[0] for row in texts], ["2", "1"])
        self.assertEqual(texts[0][2], "pipe-in → dead")
        self.assertIn("Connection refused", texts[0][5])
        wait_until(lambda: f": {texts[0][5]}\n" in self.daemon.log, "the line")
        self.assertRegex(
            self.text("#states"),
            r"^Outbound dead fails: 2 failed, last [-0-9: ]+: .*Connection refused.*; "
            r"none has ended well yet\.$",
        )
        for width in (390, 800, 1280, 1920):
            for scheme in ("light", "dark"):
                self.browser.screen(width, 900)
                self.browser.prefer(prefers_color_scheme=scheme)
                # The chart takes its new width a moment after the page has.
                self.browser.wait_for(
                    "document.documentElement.scrollWidth",
                    lambda found, width=width: found == width,  # type: ignore[misc]  # mypy infers no type of a default
                )
                self.assertFalse(
                    self.browser.evaluate("document.querySelector('.names').checkVisibility()")
                )
                found: dict[str, Any] = self.browser.evaluate(CONTRASTS)
                self.assertEqual(found["poor"], [], (width, scheme))

    def test_clock_set(self) -> None:
        """If somebody puts the daemon's clock back by an hour, or forward, the charts go on and so
        does the time that it is up.
        """
        wall = Wall(self.daemon.folder)
        self.daemon.stop()
        self.start(self.daemon.folder, wall.environment)
        self.open()
        self.browser.wait_for(LIVE)
        shown = "document.querySelector('#inbound-panel tbody td:nth-of-type(3)')?.textContent"
        picture = "document.querySelector('#inbound-panel canvas').toDataURL().slice(-60)"
        self.carry(self.connect(), 3 << 20)
        self.browser.wait_for(shown, lambda text: text == "3.0\xa0MiB")
        self.browser.wait_for(f"{DRAWN}('inbound', 0)", lambda pixels: pixels > 20)
        for ahead in (-3600, 0, 3600):
            wall.put(ahead)
            for _ in range(3):  # what was told before the clock was set may move them once more
                before = self.browser.evaluate(picture)
                self.browser.wait_for(picture, lambda now, before=before: now != before)  # type: ignore[misc]  # mypy can't infer it
            self.assertGreater(self.browser.evaluate(f"{DRAWN}('inbound', 0)"), 20)
            self.assertRegex(self.text("#uptime"), r"^(\d+m\s)?\d+s$")

    def test_full(self) -> None:
        """A page that finds too many others says what the daemon says, and gets in once there is
        room.
        """
        self.expected_problems = "503"
        streams = [urlopen(f"http://{self.address}/api/events", timeout=60) for _ in range(16)]
        for stream in streams:
            self.addCleanup(stream.close)
        self.open()
        self.browser.wait_for(
            "document.querySelector('#why')?.textContent",
            lambda text: text and "16 pages are open already" in text,
        )
        streams[0].close()
        self.browser.wait_for(LIVE)
