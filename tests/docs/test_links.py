"""The links between the documents lead somewhere."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT, headings


class LinksTest(SynchronousTestCase):
    """Each document that users read."""

    def test_links(self) -> None:
        """Each link within the checkout names a file, and a heading in it where it says one."""
        astray = []
        documents = [
            ROOT / "README.md",
            ROOT / "CONTRIBUTING.md",
            *sorted((ROOT / "docs").glob("*.md")),
            *sorted((ROOT / "etc").rglob("*.md")),
        ]
        for document in documents:
            for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
                path, _, anchor = link.partition("#")
                target = (document.parent / path).resolve() if path else document
                if "://" not in link and not (
                    target.exists()
                    and (not anchor or anchor in _anchors(target.read_text(encoding="utf-8")))
                ):
                    astray.append(f"{document.name}: {link}")
        self.assertEqual(astray, [])
        self.assertGreater(len(documents), 5)


def _anchors(text: str) -> set[str]:
    """What the headings of a document are called in links, as GitHub makes it of them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(text)
    }
