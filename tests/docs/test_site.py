"""The site that `make docs` makes of the documents has all of them."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT


class ContentsTest(SynchronousTestCase):
    """The first page's table, which docs/conf.py makes the site's contents of."""

    def test_documents(self) -> None:
        """It names each document once, and no other."""
        table = (
            (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Documentation\n")[2]
        )
        rows = re.findall(r"\(([\w/.-]+\.md)\)", table)
        documents = [
            ROOT / "CONTRIBUTING.md",
            *(ROOT / "docs").rglob("*.md"),
            *(ROOT / "etc").rglob("*.md"),
        ]
        self.assertEqual(
            sorted(rows), sorted(str(document.relative_to(ROOT)) for document in documents)
        )
        self.assertGreater(len(rows), 5)
