"""All names on the page, in a real browser: sorted, searched and saved."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from tests.interop.page_case import PageCase
from tests.support.scratch import scratch_folder, wait_until

_ROWS = "[...document.querySelectorAll('#names-rows tr:not([hidden])')]"
_FOUND = f"{_ROWS}.map((row) => row.cells[1].textContent)"


class NamesTest(PageCase):
    """The table of all names."""

    def open_names(self, *options: str) -> None:
        """Open the page, and the table."""
        self.open_pretended(*options)
        self.browser.evaluate("document.querySelector('#names summary').click()")
        # until what the events do not tell is there, too
        self.browser.wait_for(
            f"{_ROWS}.map((row) => row.cells[6].textContent)",
            lambda cells: cells and all(text.isdecimal() for text in cells),
        )

    def sort(self, heading: str) -> str:
        """Click a heading; how the table is sorted by it then."""
        head = (
            "[...document.querySelectorAll('#names-heads th')].find((one) => "
            f"one.textContent.startsWith('{heading}'))"
        )
        self.browser.evaluate(f"{head}.querySelector('button').click()")
        return str(self.browser.evaluate(f"{head}.ariaSort"))

    def choose(self, what: str, value: str) -> None:
        """Fill in a field."""
        self.browser.evaluate(
            f"(() => {{ const field = document.querySelector('#names-{what}'); field.value = "
            f"'{value}'; field.dispatchEvent(new Event('input')); }})()"
        )

    def found(self) -> list[str]:
        """The names that the table shows."""
        return list(self.browser.evaluate(_FOUND))

    def test_sorted(self) -> None:
        """Inbounds, outbounds and users are in one table, each with its figures, which its headings
        sort.
        """
        self.open_names()
        self.browser.evaluate("document.querySelector('#pause').click()")
        self.assertEqual(self.sort("Name"), "ascending")
        names = self.found()
        self.assertEqual(names, sorted(names))
        self.assertLess({"vpn-tls", "plugin", "alice"}, set(names))
        self.assertEqual(self.sort("Name"), "descending")
        self.assertEqual(self.found(), names[::-1])
        self.assertEqual(self.sort("Open"), "descending")
        opened = self.browser.evaluate(f"{_ROWS}.map((row) => Number(row.cells[6].textContent))")
        self.assertEqual(opened, sorted(opened, reverse=True))
        kinds = self.browser.evaluate(
            f"{_ROWS}.map((row) => [row.cells[0].textContent, Number(row.cells[6].textContent)])"
        )
        self.assertEqual(sum(number for kind, number in kinds if kind == "outbound"), 60)

    def test_searched(self) -> None:
        """A text finds names, a kind and a switch leave others out, and a table without any says
        so.
        """
        self.open_names()
        self.choose("find", "AL")
        self.assertEqual(set(self.found()), {"alice", "mallory"})
        self.choose("find", " ory MAL")
        self.assertEqual(self.found(), ["mallory"])
        self.choose("find", "a")
        self.choose("kind", "inbound")
        self.assertEqual(self.found(), ["backup"])
        self.choose("find", "nobody")
        self.assertEqual((self.found(), self.text("#names-shown")), ([], "No name is like that."))

    def test_idle(self) -> None:
        """What has no connection and moves nothing is hidden where that is asked for."""
        self.open_names("--names", "30")
        self.choose("find", "member-")
        self.assertEqual(len(self.found()), 30)
        self.browser.evaluate("document.querySelector('#names-idle').click()")
        self.assertEqual(self.found(), [])
        self.choose("find", "")
        self.assertIn("plugin", self.found())

    def test_thousands(self) -> None:
        """Of thousands of names a hundred are in the page at a time, and all of them are sorted and
        found.
        """
        self.open_names("--names", "3000")
        self.assertRegex(self.text("#names-count"), r"^3 inbounds, 4 outbounds, 3,0\d\d users$")
        self.choose("find", "member-")
        self.sort("Name")
        self.assertRegex(self.text("#names-shown"), r"^1 to 100 of 1,9\d\d$")
        first = self.found()
        self.assertEqual((len(first), first), (100, sorted(first)))
        self.assertEqual(
            self.browser.evaluate("document.querySelector('#names-before').disabled"), True
        )
        self.browser.evaluate("document.querySelector('#names-after').click()")
        self.assertLess(first[-1], self.found()[0])
        self.assertRegex(self.text("#names-shown"), r"^101 to 200 of 1,9\d\d$")
        self.assertLessEqual(
            self.browser.evaluate("document.querySelectorAll('#names-rows tr').length"), 100
        )

    def test_saved(self) -> None:
        """The file has all that is found, in that order, and no cell that a spreadsheet takes for a
        formula.
        """
        hostile = '=HYPERLINK("http://example.org", "a")'
        self.open_names("--names", "150", "--user", hostile, "--connections", "200")
        folder = scratch_folder(self)
        self.browser.command(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder)
        )
        self.addCleanup(self.browser.command, "Browser.setDownloadBehavior", behavior="default")
        self.choose("kind", "user")
        self.sort("Name")
        self.browser.evaluate("document.querySelector('#names-save').click()")
        saved: list[Path] = []

        def is_there() -> bool:
            saved[:] = folder.glob("pipetwist-*Z.csv")
            return bool(saved)

        wait_until(is_there, "the file")
        text = saved[0].read_bytes().decode()
        self.assertEqual(re.findall(r"(?<!\r)\n", text), [])
        head, *rows = csv.reader(io.StringIO(text, newline=""))
        self.assertEqual(
            head,
            [
                "kind",
                "name",
                "uplink",
                "downlink",
                "uplink_rate",
                "downlink_rate",
                "open",
                "failed",
                "refused",
            ],
        )
        names = [row[1] for row in rows]
        self.assertIn(f"'{hostile}", names)
        self.assertGreater(len(names), 150)
        self.assertEqual({row[0] for row in rows}, {"user"})
        self.assertEqual([name for name in names if name[0] in "=+-@"], [])
        alice = next(row for row in rows if row[1] == "alice")
        self.assertTrue(all(number.isdecimal() for number in alice[2:4] + alice[6:]), alice)

    def test_hostile(self) -> None:
        """Names are text here too, whatever is in them, and none is taken for a part of the
        script.
        """
        users = ('<img src=x onerror="window.hit=1">', "__proto__", "constructor")
        self.open_names(*(option for user in users for option in ("--user", user)))
        self.assertLessEqual(set(users), set(self.found()))
        hit = "[document.querySelectorAll('#names img').length, window.hit ?? null]"
        self.assertEqual(self.browser.evaluate(hit), [0, None])

    def test_cells(self) -> None:
        """A cell is quoted where it has to be, and guarded where it begins a formula."""
        self.open_pretended()
        written = self.browser.evaluate("""import('/page/csv.js').then(({ csv }) => csv([
            ['a', 'b,c', 'say "hi"', 'two\\nlines', null, 7, -1.5],
            ['=1+1', '+1', '-1', '@A1', '\\t=1', '\\r=1', 'a=1'],
        ]))""")
        self.assertEqual(
            written,
            'a,"b,c","say ""hi""","two\nlines",,7,-1.5\r\n'
            "'=1+1,'+1,'-1,'@A1,'\t=1,\"'\r=1\",a=1\r\n",
        )
