"""How the page is used, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from tests.interop.page_case import FOUND, ROWS, SPOKEN, PageCase


class UseTest(PageCase):
    """How it is used."""

    def test_close(self) -> None:
        """Where the page may close connections each row has a button, whose second click closes its
        connection.
        """
        self.open_pretended("--closes")
        buttons = "[...document.querySelectorAll('#rows td.close button')]"
        self.browser.wait_for(f"{buttons}.length === {ROWS}.length && {buttons}.length > 1")
        self.assertEqual(self.text("#rights"), "This page can close connections.")
        chosen = f"{ROWS}[0].dataset.id"
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
            f"{ROWS}.map((row) => row.querySelector('.user').textContent)",
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
            f"{ROWS}.map((row) => -row.dataset.id)",
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
        self.assertEqual(self.browser.evaluate(FOUND), ["mallory"])
        self.browser.evaluate("document.querySelector('#user-panel input').select()")
        self.browser.type("ORY mal ")
        self.assertEqual(self.browser.evaluate(FOUND), ["mallory"])

    def test_pause(self) -> None:
        """Paused, nothing moves; then it goes on with what happened meanwhile."""
        self.open_pretended()
        self.browser.evaluate("document.querySelector('#pause').click()")
        before = self.browser.evaluate("document.querySelector('main').textContent")
        told = self.browser.evaluate(SPOKEN)
        self.browser.wait_for(SPOKEN, lambda now: now > told + 1.5)
        self.assertEqual(
            self.browser.evaluate("document.querySelector('main').textContent"), before
        )
        self.assertEqual((self.text("#status"), self.text("#pause")), ("Paused", "Resume"))
        self.assertEqual(self.text("title"), "Paused · pipetwist")
        self.browser.evaluate("document.querySelector('#pause').click()")
        self.browser.wait_for(
            "document.querySelector('main').textContent", lambda now: now != before
        )
