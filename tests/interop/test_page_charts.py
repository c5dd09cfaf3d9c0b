"""The page's charts, in a real browser."""

from __future__ import annotations

import re

from tests.interop.page_case import DRAWN, SPOKEN, PageCase


class ChartsTest(PageCase):
    """What they show, and the figures beside them."""

    def test_one_name(self) -> None:
        """A name that is clicked is brought to the fore, and the figures of a moment are read by
        pointing at it.
        """
        self.open_pretended("--minutes", "1")
        start = self.browser.evaluate(SPOKEN)
        self.browser.wait_for(SPOKEN, lambda now: now > start + 25)
        buttons = "document.querySelectorAll('#outbound-panel .names button')"
        second = f"{DRAWN}('outbound', 1)"
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
        kept = self.browser.evaluate("""import('/page/history.js').then(({ History, RANGES }) => {
            const history = new History();
            const flow = (rate) => ({ downlink: 1, uplink: 1, downlink_rate: rate, uplink_rate: rate });
            history.push(1, { constructor: flow(null), gone: flow(null) }, true);
            history.push(2, { constructor: flow(7), gone: flow(1) }, false);
            history.push(3, {}, false);
            history.push(9, { constructor: flow(5) }, true);
            const line = history.names.get('constructor').downlink.slice();
            const names = history.busiest().map(({ name, sum }) => [name, sum]);
            const times = history.times.slice();
            for (let time = 10; time < 2 * RANGES['5m'].seconds; time += 1) history.push(time, {}, false);
            return { line, names, times, last: history.times.length, sum: history.busiest()[0].sum };
        })""")  # noqa: E501  # another language's text
        self.assertEqual(kept["times"], [1, 2, 3, 4, 9])
        self.assertEqual(
            (kept["line"], kept["names"]), ([None, 7, 0, None, 5], [["constructor", 24]])
        )
        self.assertEqual((kept["last"], kept["sum"]), (303, 0))

    def test_moments(self) -> None:
        """The time of a moment that is not today's has its date."""
        self.open_pretended()
        written = self.browser.evaluate("""import('/page/format.js').then(({ when }) => {
            const now = new Date(2026, 0, 31, 14, 3, 22);
            return [0, 86400].map((ago) => when(now / 1000 - ago, now));
        })""")
        self.assertEqual(written, ["14:03:22", "2026-01-30 14:03"])

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
