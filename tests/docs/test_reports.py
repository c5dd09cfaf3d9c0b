"""docs/reports.md: each report has its address, a sentence, and tests that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from unittest import TestCase

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT

_LINK = re.compile(
    r"\[([\w.-]+/[\w.-]+)#(\d+)\]\(https://github\.com/([\w.-]+/[\w.-]+)/issues/(\d+)\)"
)


def _rows() -> Iterator[list[str]]:
    """The cells of each row of the tables, but for the rows of headings."""
    for line in (ROOT / "docs" / "reports.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| reported in "):
            yield line.strip("| ").split(" | ")


def _is_test(name: str) -> bool:
    """Whether trial would run a single test by this name."""
    module, suite, method = name.rsplit(".", 2)
    try:
        found = getattr(import_module(module), suite, None)
    except ModuleNotFoundError:
        return False
    return (
        isinstance(found, type)
        and issubclass(found, TestCase)
        and method.startswith("test_")
        and callable(getattr(found, method, None))
    )


class ReportsTest(SynchronousTestCase):
    """The rows of its tables."""

    def setUp(self) -> None:
        """Read them."""
        self.rows = list(_rows())
        self.assertGreater(len(self.rows), 20)

    def test_tests(self) -> None:
        """Each names at least one test, and each test that is named is there to be run."""
        for reports, _, tests in self.rows:
            names = tests.split(", ")
            self.assertEqual(
                [name for name in names if not re.fullmatch(r"`tests(\.\w+){3,}`", name)],
                [],
                reports,
            )
            self.assertEqual([name for name in names if not _is_test(name.strip("`"))], [], reports)

    def test_addresses(self) -> None:
        """Each has the addresses of its reports, which are what their texts say, and no report is
        there twice.
        """
        seen = []
        for reports, _, _ in self.rows:
            for report in reports.split(", "):
                link = _LINK.fullmatch(report)
                assert link is not None, report
                self.assertEqual(link.group(1, 2), link.group(3, 4))
                seen.append(report)
        self.assertEqual(sorted(seen), sorted(set(seen)))

    def test_sentences(self) -> None:
        """Each says in at least one sentence what pipetwist does."""
        for reports, sentence, _ in self.rows:
            self.assertRegex(sentence, r"^[A-Z].{30,}\.$", reports)
