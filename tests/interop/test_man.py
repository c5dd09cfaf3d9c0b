"""The manual pages, as mandoc sees them."""

from __future__ import annotations

import re
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT
from tests.support.peers import need

_PAGES = ("man/pipetwist.1", "man/pipetwist.json.5")


class ManTest(SynchronousTestCase):
    """Each page."""

    def test_lint(self) -> None:
        """There is nothing wrong with them but that they have no date: what is made from documents
        would have another each time.
        """
        said = self.mandoc("lint", "-W", "warning", *_PAGES)
        wrong = [
            line
            for line in said.splitlines()
            if not line.endswith('WARNING: missing date, using "": TH')
        ]
        self.assertEqual(wrong, [])

    def test_read(self) -> None:
        """They show what people look for."""
        # Bold is overstruck.
        command, file = (
            " ".join(re.sub(".\b", "", self.mandoc("utf8", page)).split()) for page in _PAGES
        )
        for words in ("pipetwist stats [OPTIONS] [PATTERN]...", "-e, --regexp", "EXIT STATUSES"):
            self.assertIn(words, command)
        for words in ("drain_timeout", "Written as duration", "How values are written".upper()):
            self.assertIn(words, file)

    def mandoc(self, output: str, *arguments: str) -> str:
        """What mandoc says, warnings among it."""
        program = [need("mandoc"), "-T", output, *arguments]
        said = subprocess.run(
            program,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return said.stdout
