"""The page in a real browser, Chromium without a window: what its tests share.

The expressions are JavaScript, for `tests.interop.browser.Browser.evaluate`.
"""

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

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.browser import Browser
from tests.support.daemon import daemon_environment, start_daemon
from tests.support.markdown import ROOT
from tests.support.peers import need
from tests.support.scratch import free_port, listens, wait_until

__all__ = ["CONTRASTS", "DRAWN", "FOUND", "LIVE", "ROWS", "SPOKEN", "DaemonPageCase", "PageCase"]

ROWS = "[...document.querySelectorAll('#rows tr')]"
FOUND = (
    "[...document.querySelectorAll('#user-panel tbody tr:not([hidden]) .name')].map((one) => "
    "one.textContent)"
)
LIVE = "document.body?.dataset.state === 'live'"
# How many pixels of a panel's chart have, as good as that, the colour of the line of one of its
# names.
DRAWN = """((entity, place) => {
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
SPOKEN = "fetch('/api/snapshot').then((answer) => answer.json()).then(({ time }) => time)"
# What a person sees of the text of an element, and the contrast that it has (WCAG 2.2, 1.4.3).
CONTRASTS = """
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
    tests: ClassVar[int] = 0
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
    if _Shared.run % _Shared.tests == 0:
        _end_shared()


class PageCase(SynchronousTestCase):
    """A test with the browser, which all tests share."""

    def __init_subclass__(cls) -> None:
        """Count its tests."""
        super().__init_subclass__()
        _Shared.tests += sum(name.startswith("test_") for name in dir(cls))

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
        self.browser.wait_for(f"{LIVE} && {ROWS}.length > 1")

    def column(self, name: str) -> list[str]:
        """The texts of a column of the table."""
        return list(
            self.browser.evaluate(
                f"{ROWS}.map((row) => row.querySelector('td.{name}').textContent)"
            )
        )

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(
            self.browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")
        )


class DaemonPageCase(PageCase):
    """The page of a daemon, with real connections."""

    def setUp(self) -> None:
        """Start a daemon."""
        super().setUp()
        self.port = free_port(self)
        self.configuration = self.configured()
        self.start()
        self.address = f"127.0.0.1:{self.port}"

    def configured(self) -> dict[str, Any]:
        """The daemon's configuration: it is in front of ``cat``."""
        return {
            "inbounds": [{"type": "unix", "tag": "pipe-in", "path": "in.sock"}],
            "outbounds": [{"type": "fork", "tag": "echo", "command": ["cat"]}],
            "experimental": {
                "v2ray_api": {"stats": {"enabled": True, "inbounds": ["pipe-in"], "outbounds": "*"}}
            },
            "metrics": {"listen": f"127.0.0.1:{self.port}"},
            "drain_timeout": "100ms",
        }

    def start(
        self, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the daemon, and wait until the page can be had."""
        self.daemon = start_daemon(self, self.configuration, folder=folder, environment=environment)
        wait_until(lambda: listens(self.port), "the page's listener")

    def connect(self, path: str = "in.sock") -> socket.socket:
        """A client; the test's clean-up closes it."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(str(Path(self.daemon.folder) / path))
        return client

    def carry(self, client: socket.socket, size: int) -> None:
        """Send so many bytes, and read them back."""
        client.sendall(bytes(size))
        while size:
            size -= len(client.recv(size))
