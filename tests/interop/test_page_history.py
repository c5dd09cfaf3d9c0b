"""What the page shows of the time before it was opened, in a real browser."""

from __future__ import annotations

import json
import re
import signal
from typing import Any
from urllib.request import urlopen

from tests.interop.page_case import FOUND, LIVE, DaemonPageCase, PageCase
from tests.support.scratch import wait_until

_PRESSED = "[...document.querySelectorAll('#ranges button[aria-pressed=true]')].map((one) => one.textContent)"  # noqa: E501  # another language's text
_FOCUSED = "document.activeElement.textContent"
# How far from the left edge of a panel's chart, in parts of its width, a line begins.
_BEGINS = """((entity, place) => {
  const panel = document.querySelector(`#${entity}-panel`);
  const line = getComputedStyle(panel.querySelectorAll('.swatch')[place]).backgroundColor.match(/\\d+/g).map(Number);
  const chart = panel.querySelector('canvas');
  const canvas = new OffscreenCanvas(chart.width, chart.height).getContext('2d', { willReadFrequently: true });
  canvas.drawImage(chart, 0, 0);
  const { data, width, height } = canvas.getImageData(0, 0, chart.width, chart.height);
  const left = 66 * devicePixelRatio; // the axis
  for (let x = left; x < width; x += 1) for (let y = 0; y < height; y += 1) {
    const at = 4 * (y * width + x);
    if (line.every((value, index) => Math.abs(data[at + index] - value) < 25)) return (x - left) / (width - left);
  }
  return 1;
})"""  # noqa: E501  # another language's text


class RangesTest(PageCase):
    """The ranges that can be chosen."""

    def test_opening(self) -> None:
        """A page that is opened shows what was before, at once; over a longer range it begins where
        the daemon did, also where the page is paused.
        """
        self.open_pretended("--past", "10")
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: part < 0.05)
        self.assertEqual(self.browser.evaluate(_PRESSED), ["5 min"])
        self.choose("1 h")
        # Ten minutes of sixty.
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: 0.7 < part < 0.9)
        self.assertIn("in the last hour", self.label())
        self.choose("24 h")
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: 0.95 < part < 1)
        self.assertIn("in the last 24 hours", self.label())
        self.choose("5 min")
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: part < 0.05)
        self.browser.evaluate("document.querySelector('#pause').click()")
        self.choose("1 h")
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: 0.7 < part < 0.9)
        self.assertEqual(self.text("#status"), "Paused")

    def choose(self, name: str) -> None:
        """Press the button of a range."""
        button = f"[...document.querySelectorAll('#ranges button')].find((one) => one.textContent === '{name}')"  # noqa: E501  # another language's text
        self.browser.evaluate(f"{button}.click()")
        self.assertEqual(self.browser.evaluate(_PRESSED), [name])

    def label(self) -> str:
        """What a chart is called for those who don't see it."""
        return str(self.browser.evaluate("document.querySelector('.drawing').ariaLabel"))

    def test_keyboard(self) -> None:
        """A range is chosen without a mouse, and is in the address, so that a page that is loaded
        again shows it.
        """
        self.open_pretended()
        self.browser.evaluate("document.querySelector('#ranges button').focus()")
        self.browser.press("Tab")
        self.assertEqual(self.browser.evaluate(_FOCUSED), "1 h")
        self.browser.press("Enter")
        self.assertEqual(self.browser.evaluate(_PRESSED), ["1 h"])
        self.assertEqual(self.browser.evaluate("location.search"), "?range=1h")
        self.browser.command("Page.reload")
        self.browser.wait_for(f"performance.now() < 5000 && {LIVE}")
        self.assertEqual(self.browser.evaluate(_PRESSED), ["1 h"])
        self.browser.evaluate("document.querySelector('#ranges button').click()")
        self.assertEqual(self.browser.evaluate("location.search"), "")
        asked = [url.partition("?")[2] for url in self.asked()]
        self.assertEqual(set(asked), {"range=5m&filter=", "range=1h&filter="})

    def asked(self) -> list[str]:
        """What history the page has asked for."""
        self.browser.evaluate("0")
        requests = self.browser.told("Network.requestWillBeSent")
        urls = [str(request["request"]["url"]) for request in requests]
        return [url for url in urls if "/api/history" in url]

    def test_unknown(self) -> None:
        """An address with another range is one without."""
        self.open_pretended(query="?range=toString")
        self.assertEqual(self.browser.evaluate(_PRESSED), ["5 min"])

    def test_found(self) -> None:
        """A name that is none of the busiest has its past, too, when it is looked for."""
        self.open_pretended("--past", "6")
        self.browser.evaluate("document.querySelector('#user-panel input').focus()")
        self.browser.type("build-farm")
        self.browser.wait_for(FOUND, lambda found: found == ["build-farm"])
        self.browser.wait_for(f"{_BEGINS}('user', 0)", lambda part: part < 0.5)
        self.assertIn("filter=build-farm", "".join(self.asked()))

    def test_widths(self) -> None:
        """The buttons are there at every width, large enough for a finger."""
        self.open_pretended()
        for width in (390, 800, 1280, 1920):
            self.browser.screen(width, 900)
            places = self.browser.evaluate(
                "[...document.querySelectorAll('#ranges button')].map((one) => "
                "(({ left, right, width, height }) => [left, right, width, height])"
                "(one.getBoundingClientRect()))"
            )
            self.assertEqual(len(places), 3)
            for left, right, wide, high in places:
                self.assertTrue(left >= 0 and right <= width and wide >= 24 and high >= 24, places)

    def test_fill(self) -> None:
        """What the server had recorded comes before the first event and between those that were
        missed; what events said stays, and a gap of both is one.
        """
        self.open_pretended()
        filled = self.browser.evaluate("""import('/page/history.js').then(({ History }) => {
            const history = new History();
            const flow = (rate) => ({ downlink: 1, uplink: 1, downlink_rate: rate, uplink_rate: 0 });
            history.push(10.25, { alice: flow(null), bob: flow(null) }, true);
            history.push(11.25, { alice: flow(7) }, false);
            history.push(30.25, { alice: flow(9) }, false);
            const times = [7, 8, 9, 10, 11, 28, 29, 30];
            const zeros = times.map(() => 0);
            history.fill(times, { alice: { downlink: [1, 2, 3, 4, 5, 6, 7, 8], uplink: zeros }, carol: { downlink: zeros, uplink: zeros } });
            history.push(31.25, { alice: flow(10) }, false);
            const { alice, bob } = Object.fromEntries(history.names);
            return [history.times, alice.downlink, bob.downlink, alice.sum, history.names.has('carol')];
        })""")  # noqa: E501  # another language's text
        times = [7, 8, 9, 10.25, 11.25, 12.25, 28, 29, 30.25, 31.25]
        downlink = [1, 2, 3, 4, 7, None, 6, 7, 9, 10]
        unknown = [None, None, None, None, 0, None, None, None, 0, 0]
        self.assertEqual(filled, [times, downlink, unknown, 49, False])

    def test_minutes(self) -> None:
        """Over a day the events of a minute are one point, their mean, and of many names those are
        kept that the server was asked for.
        """
        self.open_pretended()
        kept = self.browser.evaluate("""import('/page/history.js').then(({ History }) => {
            const history = new History('24h');
            const flow = (rate) => ({ downlink: 1, uplink: 1, downlink_rate: rate, uplink_rate: 0 });
            const names = [...Array(30).keys()].map((number) => `user-${number}`);
            const flows = (rate) => Object.fromEntries(names.map((name) => [name, flow(rate)]));
            for (let time = 0; time < 150; time += 1) history.push(time, flows(time), false);
            const few = [...history.names.values()].filter((one) => one.kept).length;
            const { times, names: [[, first]] } = history;
            const line = first.downlink.slice();
            history.fill([-120, -60], { 'user-29': { downlink: [6, 5], uplink: [0, 0] } });
            return [times, line, few, history.names.get('user-29').downlink, history.rate(history.names.get('user-28'), 'downlink', null)];
        })""")  # noqa: E501  # another language's text
        line = [29.5, 89.5, 134.5]
        self.assertEqual(kept, [[59, 119, 149], line, 20, [6, 5, None, None, None], 149])


class DaemonTest(DaemonPageCase):
    """The history of a daemon."""

    def test_reload(self) -> None:
        """A reload keeps it, and a page that was disconnected asks for what it has missed."""
        # Of the attempts to connect.
        self.expected_problems = "ERR_CONNECTION_(REFUSED|RESET)|ERR_SOCKET_NOT_CONNECTED"
        self.carry(self.connect(), 3 << 20)
        wait_until(lambda: self.recorded() > 2 << 20, "the bytes in the history")
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in self.daemon.log, "the reload")
        self.assertGreater(self.recorded(), 2 << 20)
        self.open()
        self.browser.wait_for(LIVE)
        self.browser.wait_for(f"{_BEGINS}('inbound', 0)", lambda part: part < 1)
        first = self.asked()
        self.daemon.stop()
        self.browser.wait_for("document.body.dataset.state === 'lost'")
        self.start(self.daemon.folder)
        self.browser.wait_for(LIVE)
        wait_until(lambda: self.asked() > first, "the page to ask again")

    def recorded(self) -> int:
        """How many bytes the history of the inbound's uplink has, if all seconds are as long."""
        with urlopen(f"http://{self.address}/api/history", timeout=60) as response:
            told: Any = json.load(response)
        flow = told["traffic"]["inbound"]["names"].get("pipe-in", {"uplink": []})
        return sum(rate or 0 for rate in flow["uplink"])

    def asked(self) -> int:
        """How often the page has asked for history."""
        self.browser.evaluate("0")
        requests = self.browser.told("Network.requestWillBeSent")
        return sum(bool(re.search("/api/history", one["request"]["url"])) for one in requests)
