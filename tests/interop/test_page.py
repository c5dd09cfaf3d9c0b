"""The page in a real browser: Chromium without a window."""

from __future__ import annotations

import atexit
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.browser import Browser
from tests.interop.wall import Wall
from tests.support.daemon import Configuration, daemon_environment, start_daemon
from tests.support.markdown import ROOT
from tests.support.peers import need
from tests.support.scratch import free_port, listens, wait_until

_HOSTILE = '<img src=x onerror="window.hit=1">'
_ROWS = "[...document.querySelectorAll('#rows tr')]"
_FOUND = (
    "[...document.querySelectorAll('#user-panel tbody tr:not([hidden]) .name')].map((one) => "
    "one.textContent)"
)
_LIVE = "document.body?.dataset.state === 'live'"
# How many pixels of a panel's chart have, as good as that, the colour of the line of one of its
# names.
_DRAWN = """((entity, place) => {
  const panel = document.querySelector(`#${entity}-panel`);
  const line = getComputedStyle(panel.querySelectorAll('.swatch')[place]).backgroundColor.match(/\\d+/g).map(Number);
  const chart = panel.querySelector('canvas');
  const canvas = new OffscreenCanvas(chart.width, chart.height).getContext('2d', { willReadFrequently: true });
  canvas.drawImage(chart, 0, 0);
  const { data } = canvas.getImageData(0, 0, chart.width, chart.height);
  let pixels = 0;
  for (let at = 0; at < data.length; at += 4) if (line.every((value, index) => Math.abs(data[at + index] - value) < 25)) pixels += 1;
  return pixels;
})"""  # noqa: E501  # another language's text
# What a person sees of the text of an element, and the contrast that it has (WCAG 2.2, 1.4.3).
_CONTRASTS = """
(() => {
  const channels = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(srgb') ? [red * 255, green * 255, blue * 255, alpha] : [red, green, blue, alpha];
  };
  const over = (front, back) => [0, 1, 2].map((index) => front[index] * front[3] + back[index] * (1 - front[3]));
  const light = (colour) => {
    const [red, green, blue] = colour.map((value) => value / 255).map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    if (element === null) return [255, 255, 255];
    const style = getComputedStyle(element);
    const bar = style.backgroundImage.match(/(rgba?|color)\\([^)]*\\)/);
    const below = over(channels(style.backgroundColor), ground(element.parentElement));
    return bar ? over(channels(bar[0]), below) : below;
  };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest('noscript, script, .unseen, option')) continue;
    seen += 1;
    const back = ground(element);
    const [one, other] = [light(over(channels(getComputedStyle(element).color), back)), light(back)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) poor.push(`${node.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return { seen, poor };
})()
"""  # noqa: E501  # another language's text


def _start_pretended(*options: str) -> tuple[str, Callable[[], object]]:
    """Start a relay that carries nothing.

    Returns:
        Where its page is, and what ends it.
    """
    command = [sys.executable, "-m", "tests.support.pretended_relay", *options]
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=daemon_environment(),
    )
    assert server.stdout is not None
    return server.stdout.readline().strip(), lambda: server.communicate(timeout=60)


class _Shared:
    """What is started once for all tests here. It ends with the last of them, or with the process
    where only some are run.
    """

    browser: ClassVar[Browser | None] = None
    pretended: ClassVar[tuple[str, Callable[[], object]] | None] = None
    run: ClassVar[int] = 0


@atexit.register
def _end_shared() -> None:
    if _Shared.pretended is not None:
        _Shared.pretended[1]()
    if _Shared.browser is not None:
        _Shared.browser.close()
    _Shared.browser = _Shared.pretended = None


def _one_was_run() -> None:
    _Shared.run += 1
    if (
        _Shared.run
        % sum(
            name.startswith("test_")
            for case in (DaemonTest, LooksTest, UseTest)
            for name in dir(case)
        )
        == 0
    ):
        _end_shared()


class _Case(SynchronousTestCase):
    """A test with the browser, which all tests of a class share."""

    def setUp(self) -> None:
        """Have an empty page in the browser, which is started with the first test and ends with the
        last.
        """
        program = need("chromium")
        self.addCleanup(_one_was_run)
        if _Shared.browser is None:
            _Shared.browser = Browser(program)
        self.browser = _Shared.browser
        self.browser.new_page()
        self.browser.screen(1440, 900)
        self.browser.prefer(prefers_color_scheme="light")
        self.address = ""
        self.expected_problems = "^$"

    def check(self) -> None:
        """Nothing went wrong in the page, and it asked nobody but pipetwist."""
        self.browser.evaluate("0")  # what was told until now has been read then
        problems = [entry["entry"]["text"] for entry in self.browser.told("Log.entryAdded")]
        problems += [
            str(thrown["exceptionDetails"])
            for thrown in self.browser.told("Runtime.exceptionThrown")
        ]
        problems += [
            str(called["args"]) for called in self.browser.told("Runtime.consoleAPICalled")
        ]
        self.assertEqual(
            [text for text in problems if not re.search(self.expected_problems, text)], []
        )
        asked = {
            request["request"]["url"] for request in self.browser.told("Network.requestWillBeSent")
        }
        self.assertEqual(
            {url for url in asked if not url.startswith(f"http://{self.address}/")}, set()
        )
        self.assertGreater(len(asked), 5)

    def open(self, query: str = "") -> None:
        """Open the page at the test's address; when the test is over, and before what it started
        ends, it is checked.
        """
        self.browser.open(f"http://{self.address}/{query}")
        self.addCleanup(self.check)

    def open_pretended(self, *options: str, query: str = "") -> None:
        """Open the page of a relay that carries nothing, and wait until it shows its
        connections.
        """
        if options:
            self.address, end = _start_pretended(*options)
            self.addCleanup(end)
        else:
            if _Shared.pretended is None:
                _Shared.pretended = _start_pretended()
            self.address, _ = _Shared.pretended
        self.open(query)
        self.browser.wait_for(f"{_LIVE} && {_ROWS}.length > 1")

    def column(self, name: str) -> list[str]:
        """The texts of a column of the table."""
        return list(
            self.browser.evaluate(
                f"{_ROWS}.map((row) => row.querySelector('td.{name}').textContent)"
            )
        )

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(
            self.browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")
        )


class DaemonTest(_Case):
    """The page of a daemon, with real connections."""

    def setUp(self) -> None:
        """Start a daemon in front of ``cat``."""
        super().setUp()
        self.port = free_port(self)
        self.configuration: Configuration = {
            "inbounds": [{"type": "unix", "tag": "pipe-in", "path": "in.sock"}],
            "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            "experimental": {
                "v2ray_api": {
                    "stats": {"enabled": True, "inbounds": ["pipe-in"], "outbounds": ["echo"]}
                }
            },
            "metrics": {"listen": f"127.0.0.1:{self.port}"},
            "drain_timeout": "100ms",
        }
        self.start()
        self.address = f"127.0.0.1:{self.port}"

    def start(
        self, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the daemon, and wait until the page can be had."""
        self.daemon = start_daemon(self, self.configuration, folder=folder, environment=environment)
        wait_until(lambda: listens(self.port), "the page's listener")

    def connect(self) -> socket.socket:
        """A client; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(Path(self.daemon.folder) / "in.sock"))
        return client

    def carry(self, client: socket.socket, size: int) -> None:
        """Send so many bytes, and read them back."""
        client.sendall(bytes(size))
        while size:
            size -= len(client.recv(size))

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
            f"{_ROWS}.map((row) => row.querySelector('.downlink').textContent)",
            lambda seen: seen == ["3.0\xa0MiB"],
        )
        self.assertEqual(
            (self.column("inbound"), self.column("outbound"), self.column("uplink")),
            (["pipe-in"], ["echo"], ["3.0\xa0MiB"]),
        )
        self.assertEqual(self.browser.evaluate(f"{_ROWS}[0].title"), "Number 1 in the log")
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
        self.browser.wait_for(f"{_DRAWN}('inbound', 0)", lambda pixels: pixels > 20)
        client.close()
        self.browser.wait_for(f"{_ROWS}.length", lambda rows: rows == 0)
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
        self.browser.wait_for(f"{_ROWS}.length")
        self.daemon.stop()
        self.browser.wait_for("document.body.dataset.state === 'lost'")
        self.assertEqual((self.text("#status"), len(self.column("user"))), ("Disconnected", 1))
        self.assertEqual(self.text("title"), "Disconnected · pipetwist")
        self.assertRegex(
            self.text("#lost"),
            r"No connection to pipetwist\.\s+The figures are those of "
            r"\d\d:\d\d:\d\d\.\s+Trying again",
        )
        self.start(self.daemon.folder)
        self.browser.wait_for(_LIVE)
        self.assertTrue(self.browser.evaluate("document.querySelector('#lost').hidden"))
        self.browser.wait_for(f"{_ROWS}.length", lambda rows: rows == 0)
        self.browser.wait_for("document.title", lambda title: title == "0 open · pipetwist")

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
        self.browser.wait_for(_LIVE)
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
        self.assertIn(f": {texts[0][5]}\n", self.daemon.log)
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
                found: dict[str, Any] = self.browser.evaluate(_CONTRASTS)
                self.assertEqual(found["poor"], [], (width, scheme))

    def test_clock_set(self) -> None:
        """If somebody puts the daemon's clock back by an hour, or forward, the charts go on and so
        does the time that it is up.
        """
        wall = Wall(self.daemon.folder)
        self.daemon.stop()
        self.start(self.daemon.folder, wall.environment)
        self.open()
        self.browser.wait_for(_LIVE)
        shown = "document.querySelector('#inbound-panel tbody td:nth-of-type(3)')?.textContent"
        picture = "document.querySelector('#inbound-panel canvas').toDataURL().slice(-60)"
        self.carry(self.connect(), 3 << 20)
        self.browser.wait_for(shown, lambda text: text == "3.0\xa0MiB")
        self.browser.wait_for(f"{_DRAWN}('inbound', 0)", lambda pixels: pixels > 20)
        for ahead in (-3600, 0, 3600):
            wall.put(ahead)
            for _ in range(3):  # what was told before the clock was set may move them once more
                before = self.browser.evaluate(picture)
                self.browser.wait_for(picture, lambda now, before=before: now != before)  # type: ignore[misc]  # mypy can't infer it
            self.assertGreater(self.browser.evaluate(f"{_DRAWN}('inbound', 0)"), 20)
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
        self.browser.wait_for(_LIVE)


class LooksTest(_Case):
    """How it looks, and to whom."""

    def test_colours(self) -> None:
        """It is light or dark as the system is, or as it is told, which it remembers; every text
        can be read.
        """
        self.open_pretended()
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = self.browser.evaluate(ground)
        self.check_contrast()
        self.browser.prefer(prefers_color_scheme="dark")
        dark = self.browser.evaluate(ground)
        self.assertNotEqual(light, dark)
        self.check_contrast()
        self.browser.evaluate("document.querySelector('#theme input:checked').focus()")
        self.browser.press("ArrowRight")
        self.assertEqual(self.browser.evaluate(ground), light)
        self.browser.command("Page.reload")
        self.browser.wait_for(f"performance.now() < 5000 && {_LIVE}")
        self.assertEqual(
            self.browser.evaluate(
                f"[{ground}, document.querySelector('#theme input:checked').value]"
            ),
            [light, "light"],
        )
        self.browser.evaluate("localStorage.clear()")

    def check_contrast(self) -> None:
        """Every text has the contrast that it needs."""
        found: dict[str, Any] = self.browser.evaluate(_CONTRASTS)
        self.assertEqual(found["poor"], [])
        self.assertGreater(found["seen"], 300)

    def test_totals(self) -> None:
        """Every figure of a panel, its totals too, is there at every width, within its column."""
        self.open_pretended()
        narrow = """
        [...document.querySelectorAll('.names tbody tr:not([hidden]) td')].map((cell) => {
          const text = document.createRange();
          text.selectNodeContents(cell);
          const [inner, outer] = [text.getBoundingClientRect(), cell.getBoundingClientRect()];
          const fits = inner.width > 5 && inner.left >= outer.left && inner.right <= outer.right;
          return fits ? '' : cell.textContent;
        })
        """
        for width in (390, 800, 1081, 1280, 1330, 1440, 1920):
            self.browser.screen(width, 900)
            found = self.browser.evaluate(narrow)
            self.assertGreater(len(found), 20)
            self.assertEqual([text for text in found if text], [], width)

    def test_phone(self) -> None:
        """On a phone nothing is wider than the screen, every figure of a connection is there, and a
        list sorts.
        """
        self.browser.screen(390, 844, scale=2, mobile=True)
        self.open_pretended(
            "--user",
            "a-user-with-a-name-that-is-as-long-as-names-of-users-can-be-in-some-places@example.org",
        )
        wide = (
            "[...document.querySelectorAll('main *, header *')].filter((one) => "
            "!one.closest('.unseen, .u-wrap')"
        )
        wide += (
            " && one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => "
            "one.outerHTML.slice(0, 80))"
        )
        self.assertEqual(
            self.browser.evaluate("[document.documentElement.scrollWidth, innerWidth]"), [390, 390]
        )
        self.assertEqual(self.browser.evaluate(wide), [])
        self.assertEqual(self.browser.evaluate(f"{_ROWS}[0].querySelectorAll('td').length"), 9)
        self.assertTrue(
            self.browser.evaluate(
                f"[...{_ROWS}[0].querySelectorAll('td')].every((cell) => cell.offsetWidth > 10)"
            )
        )
        change = (
            "(() => { const list = document.querySelector('#sort'); list.value = 'user asc'; "
            "list.dispatchEvent(new Event('change')); })()"
        )
        self.browser.evaluate(change)
        self.browser.wait_for(
            f"{_ROWS}.map((row) => row.querySelector('.user').textContent)",
            lambda users: users == sorted(users),
        )

    def test_hostile_names(self) -> None:
        """Names are text, whatever is in them; and what would take a text for markup is refused by
        the page's policy.
        """
        in_configuration = _HOSTILE.replace(">", "")
        users = (_HOSTILE, in_configuration, "__proto__", "constructor")
        self.open_pretended(
            *(option for user in users for option in ("--user", user)), query="?filter=onerror"
        )
        self.assertEqual(set(self.column("user")), {_HOSTILE, in_configuration})
        self.browser.evaluate("document.querySelector('#user-panel input').focus()")
        for user in users[1:]:
            self.browser.evaluate("document.querySelector('#user-panel input').select()")
            self.browser.type(user)
            self.assertEqual(self.browser.evaluate(_FOUND), [user])
        self.expected_problems = (
            "requires 'TrustedHTML' assignment"  # what the browser says of this attempt
        )
        attempt = (
            "(() => { try { document.createElement('p').innerHTML = '<b>'; } catch { return "
            "'refused'; } })()"
        )
        self.assertEqual(self.browser.evaluate(attempt), "refused")
        found = (
            "[document.querySelectorAll('img').length, document.querySelectorAll('#rows img, "
            "#panels img').length, window.hit ?? null]"
        )
        self.assertEqual(self.browser.evaluate(found), [1, 0, None])

    def test_names_for_readers(self) -> None:
        """Everything that can be used has a name for those who hear it."""
        self.open_pretended()
        nodes = self.browser.command("Accessibility.getFullAXTree")["nodes"]
        used = {"button", "searchbox", "textbox", "radio", "combobox", "link"}
        named = [
            (node["role"]["value"], node["name"]["value"])
            for node in nodes
            if node.get("role", {}).get("value") in used
        ]
        self.assertGreater(len(named), 20)
        self.assertEqual([role for role, name in named if not name.strip()], [])
        self.assertIn(("button", "Downlink rate"), named)


class UseTest(_Case):
    """How it is used."""

    def test_close(self) -> None:
        """Where the page may close connections each row has a button, whose second click closes its
        connection.
        """
        self.open_pretended("--closes")
        buttons = "[...document.querySelectorAll('#rows td.close button')]"
        self.browser.wait_for(f"{buttons}.length === {_ROWS}.length && {buttons}.length > 1")
        self.assertEqual(self.text("#rights"), "This page can close connections.")
        chosen = f"{_ROWS}[0].dataset.id"
        number = self.browser.evaluate(chosen)
        row = f"document.querySelector('#rows tr[data-id=\"{number}\"]')"
        button = f"{row}.querySelector('button')"
        self.assertEqual(self.browser.evaluate(f"{button}.ariaLabel"), f"Close connection {number}")
        self.browser.evaluate(f"{button}.click()")
        self.assertEqual(self.browser.evaluate(f"{button}.textContent"), "Sure?")
        self.browser.evaluate(f"{button}.click()")
        self.browser.wait_for(f"{row} === null")

    def test_read_only(self) -> None:
        """Elsewhere there is none."""
        self.open_pretended()
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('.close').length"), 0)
        self.assertEqual(self.text("#rights"), "This page is read-only.")

    def test_keyboard(self) -> None:
        """Without a mouse: past the rest to the connections, a filter is typed, and the table
        sorted.
        """
        self.open_pretended()
        self.press_until("Skip to the connections", "document.activeElement.textContent")
        self.browser.press("Enter")
        self.press_until("filter", "document.activeElement.id")
        self.browser.type("alice")
        self.browser.wait_for(
            f"{_ROWS}.map((row) => row.querySelector('.user').textContent)",
            lambda users: set(users) == {"alice"},
        )
        self.assertRegex(self.text("#shown"), r"^\d+ of 60 match$")
        self.press_until("Age", "document.activeElement.textContent")
        heading = "document.activeElement.closest('th')?.ariaSort"
        self.assertEqual(self.browser.evaluate(heading), "none")
        for key, order, first in (("Enter", "descending", max), ("Space", "ascending", min)):
            self.browser.press(key)
            self.assertEqual(self.browser.evaluate(heading), order)
            self.wait_for_first(first)
        self.assertEqual(
            self.browser.evaluate("location.search"), "?sort=age&order=asc&filter=alice"
        )

    def wait_for_first(self, pick: Callable[[list[int]], int]) -> None:
        """Wait until the first connection is the one that is picked of their ages, in the order in
        which they came.
        """
        self.browser.wait_for(
            f"{_ROWS}.map((row) => -row.dataset.id)",
            lambda ages: len(ages) > 2 and ages[0] == pick(ages),
        )

    def press_until(self, expected: str, expression: str) -> None:
        """Go on with the Tab key until it is there; where it goes shows."""
        for _ in range(40):
            self.browser.press("Tab")
            if self.browser.evaluate(expression) == expected:
                shown = "getComputedStyle(document.activeElement).outlineStyle"
                self.assertNotEqual(self.browser.evaluate(shown), "none")
                return
        self.fail(f"no Tab leads to {expected}")

    def test_nothing_found(self) -> None:
        """A filter that nothing matches says so, and what is asked for in the address is done from
        the start.
        """
        self.open_pretended(query="?sort=user&order=asc")
        users = self.column("user")
        self.assertEqual(
            (users, self.browser.evaluate("document.querySelector('th.user').ariaSort")),
            (sorted(users), "ascending"),
        )
        self.browser.press("/")
        self.browser.type("nobody")
        self.browser.wait_for(
            "document.querySelector('#nothing').textContent",
            lambda text: "60 connections matches “nobody”" in text,
        )

    def test_many(self) -> None:
        """Of thousands of connections some are there, and it says how many; the busiest names are
        charted, and others found.
        """
        self.open_pretended(
            "--connections",
            "5123",
            *(option for number in range(300) for option in ("--user", f"user-{number}")),
        )
        self.assertEqual(
            (self.text("#shown"), self.text("#open")), ("showing 200 of 5,123", "5,123")
        )
        self.assertEqual(len(self.column("user")), 200)
        self.assertRegex(self.text("#user-panel .note"), r"^the busiest 6 of 3\d\d$")
        self.browser.evaluate("document.querySelector('#user-panel input').focus()")
        self.browser.type("mallory")
        self.assertEqual(self.browser.evaluate(_FOUND), ["mallory"])

    def test_pause(self) -> None:
        """Paused, nothing moves; then it goes on with what happened meanwhile."""
        self.open_pretended()
        self.browser.evaluate("document.querySelector('#pause').click()")
        before = self.browser.evaluate("document.querySelector('main').textContent")
        told = self.browser.evaluate(_SPOKEN)
        self.browser.wait_for(_SPOKEN, lambda now: now > told + 1.5)
        self.assertEqual(
            self.browser.evaluate("document.querySelector('main').textContent"), before
        )
        self.assertEqual((self.text("#status"), self.text("#pause")), ("Paused", "Resume"))
        self.browser.evaluate("document.querySelector('#pause').click()")
        self.browser.wait_for(
            "document.querySelector('main').textContent", lambda now: now != before
        )

    def test_one_name(self) -> None:
        """A name that is clicked is brought to the fore, and the figures of a moment are read by
        pointing at it.
        """
        self.open_pretended("--minutes", "1")
        start = self.browser.evaluate(_SPOKEN)
        self.browser.wait_for(_SPOKEN, lambda now: now > start + 25)
        buttons = "document.querySelectorAll('#outbound-panel .names button')"
        second = f"{_DRAWN}('outbound', 1)"
        # The busiest name stands first, and another may become it at any time.
        self.browser.evaluate("document.querySelector('#pause').click()")
        self.browser.wait_for(second, lambda pixels: pixels > 20)
        self.browser.evaluate(f"{buttons}[0].click()")
        self.assertEqual(
            self.browser.evaluate(f"[...{buttons}].slice(0, 2).map((one) => one.ariaPressed)"),
            ["true", "false"],
        )
        self.browser.wait_for(second, lambda pixels: pixels < 5)
        self.point_at(f"{buttons}[1]")
        self.browser.wait_for(second, lambda pixels: pixels > 20)
        self.point_at("document.querySelector('#outbound-panel .u-over')")
        self.browser.wait_for(
            "document.querySelector('#user-panel thead').textContent",
            lambda text: re.search(r"↓ \d\d:\d\d:\d\d", text),
        )

    def point_at(self, element: str) -> None:
        """Move the mouse to an element, near its right edge."""
        place = self.browser.evaluate(
            f"(({{ right, top, height }}) => [right - 20, top + height / "
            f"2])({element}.getBoundingClientRect())"
        )
        self.browser.command("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])

    def test_history(self) -> None:
        """Names that an event leaves out stood still, seconds that nothing is known of are a gap,
        and a snapshot forgets who is gone.
        """
        self.open_pretended()
        kept = self.browser.evaluate("""import('/page/history.js').then(({ History, SECONDS }) => {
            const history = new History();
            const flow = (rate) => ({ downlink: 1, uplink: 1, downlink_rate: rate, uplink_rate: rate });
            history.push(1, { constructor: flow(null), gone: flow(null) }, true);
            history.push(2, { constructor: flow(7), gone: flow(1) }, false);
            history.push(3, {}, false);
            history.push(9, { constructor: flow(5) }, true);
            const line = history.names.get('constructor').downlink.slice();
            const names = history.busiest().map(({ name, sum }) => [name, sum]);
            const times = history.times.slice();
            for (let time = 10; time < 2 * SECONDS; time += 1) history.push(time, {}, false);
            return { line, names, times, last: history.times.length, sum: history.busiest()[0].sum };
        })""")  # noqa: E501  # another language's text
        self.assertEqual(kept["times"], [1, 2, 3, 4, 9])
        self.assertEqual(
            (kept["line"], kept["names"]), ([None, 7, 0, None, 5], [["constructor", 24]])
        )
        self.assertEqual((kept["last"], kept["sum"]), (303, 0))

    def test_units(self) -> None:
        """Figures are written as the command writes them."""
        self.open_pretended()
        written = self.browser.evaluate("""import('/page/format.js').then(({ age, axisRate, bytes, count, rate }) => [
            [0, 1023, 1024, 1536, 102348, 1023 * 1024, 1048576, 5e15].map(bytes),
            [0, 59.9, 60, 7384, 277200].map(age),
            [rate(null), rate(1536.4), axisRate(0), axisRate(2097152), count(1234567)],
        ])""")  # noqa: E501  # another language's text
        self.assertEqual(
            [[text.replace("\xa0", " ") for text in texts] for texts in written],
            [
                [
                    "0 B",
                    "1023 B",
                    "1.0 KiB",
                    "1.5 KiB",
                    "99.9 KiB",
                    "1.0 MiB",
                    "1.0 MiB",
                    "4.4 PiB",
                ],
                ["0s", "59s", "1m 0s", "2h 3m", "3d 5h"],
                ["\N{EN DASH}", "1.5 KiB/s", "0", "2 MiB/s", "1,234,567"],
            ],
        )


_SPOKEN = "fetch('/api/snapshot').then((answer) => answer.json()).then(({ time }) => time)"
