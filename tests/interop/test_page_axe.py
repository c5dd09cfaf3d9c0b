"""The page in a real browser, looked at by axe-core, which knows what those need who do not see or
point.
"""

from __future__ import annotations

from importlib.resources import files

from tests.interop.page_case import PageCase

# What does not hold, with the elements where it does not.
_VIOLATIONS = """
axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => ({
  passed: passes.length,
  failed: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)),
}))
"""  # noqa: E501  # another language's text


class AxeTest(PageCase):
    """Everything that the page can show."""

    def test_everything(self) -> None:
        """Nothing is violated at any width, light or dark, with problems, limits, plug-ins and all
        names opened.
        """
        self.open_pretended("--trouble", "--closes", "--connections", "9", "--names", "101")
        self.browser.evaluate(
            "for (const one of document.querySelectorAll('details')) one.open = true"
        )
        for selector in ("#ended-rows tr", "#names-rows tr", "#limits-rows tr", "#plugins-list li"):
            self.browser.wait_for(f"document.querySelector('{selector}')?.checkVisibility()")
        self.browser.evaluate("document.querySelector('#pause').click()")
        # The buttons for more than a hundred names stay, and few of them: the time that it takes
        # grows with the elements.
        rows = "[...document.querySelectorAll('#names-rows tr')]"
        self.browser.evaluate(f"{rows}.slice(9).forEach((row) => row.remove())")
        axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.browser.evaluate(axe)
        for width in (390, 800, 1280, 1920):
            for scheme in ("light", "dark"):
                self.browser.screen(width, 900)
                self.browser.prefer(prefers_color_scheme=scheme)
                # Nothing is wider than the screen, either; charts get narrower a moment later.
                self.browser.wait_for(
                    "document.documentElement.scrollWidth",
                    lambda found, width=width: found == width,  # type: ignore[misc]  # mypy infers no type of a default
                )
                found = self.browser.evaluate(_VIOLATIONS)
                self.assertEqual(found["failed"], [], (width, scheme))
                self.assertGreater(found["passed"], 20)
