"""How the page looks in a real browser, and to whom."""

from __future__ import annotations

from typing import Any

from tests.interop.page_case import CONTRASTS, FOUND, LIVE, ROWS, PageCase

_HOSTILE = '<img src=x onerror="window.hit=1">'


class LooksTest(PageCase):
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
        self.browser.wait_for(f"performance.now() < 5000 && {LIVE}")
        self.assertEqual(
            self.browser.evaluate(
                f"[{ground}, document.querySelector('#theme input:checked').value]"
            ),
            [light, "light"],
        )
        self.browser.evaluate("localStorage.clear()")

    def check_contrast(self) -> None:
        """Every text has the contrast that it needs."""
        found: dict[str, Any] = self.browser.evaluate(CONTRASTS)
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

    def test_tags(self) -> None:
        """Tags and peers of usual length are there in full on every screen wider than a phone's,
        with buttons that close, too.
        """
        self.open_pretended("--closes")
        cut = "[...document.querySelectorAll('#rows :is(.inbound, .outbound, .peer)')]"
        cut += ".filter((cell) => cell.scrollWidth > cell.clientWidth)"
        cut += ".map((cell) => cell.textContent)"
        for width in (800, 1160, 1161, 1280, 1281, 1920):
            self.browser.screen(width, 900)
            self.assertEqual(self.browser.evaluate(cut), [], width)

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
        self.assertEqual(self.browser.evaluate(f"{ROWS}[0].querySelectorAll('td').length"), 10)
        self.assertTrue(
            self.browser.evaluate(
                f"[...{ROWS}[0].querySelectorAll('td')].every((cell) => cell.offsetWidth > 10)"
            )
        )
        change = (
            "(() => { const list = document.querySelector('#sort'); list.value = 'user asc'; "
            "list.dispatchEvent(new Event('change')); })()"
        )
        self.browser.evaluate(change)
        self.browser.wait_for(
            f"{ROWS}.map((row) => row.querySelector('.user').textContent)",
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
            self.assertEqual(self.browser.evaluate(FOUND), [user])
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
