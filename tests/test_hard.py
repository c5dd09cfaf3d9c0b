"""What the runner of the hard conditions reads in trial's report."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.hard import Outcome, outcome

_REPORT = """\
tests.page.test_sockets
  SocketsTest
    test_one ...                                                           [OK]
    test_two ...                                                         [FAIL]

===============================================================================
[SKIPPED]
v2ctl is not installed

tests.api.test_v2ctl.V2CtlTest.test_stats
===============================================================================
[FAIL]
Traceback (most recent call last):
  File "tests/page/test_sockets.py", line 80, in test_two
twisted.trial.unittest.FailTest: 1 != 2

tests.page.test_sockets.SocketsTest.test_two
tests.page.test_sockets.SocketsTest.test_three
===============================================================================
[ERROR]
Traceback (most recent call last):
builtins.ValueError: none

tests.test_tls.ServerTest.test_missing
-------------------------------------------------------------------------------
Ran 7 tests in 0.123s
"""


class OutcomeTest(SynchronousTestCase):
    """Reports of trial."""

    def test_report(self) -> None:
        """Who failed, by whichever heading, and who was skipped are distinguished; the tree above
        names nobody.
        """
        failed = [
            "tests.page.test_sockets.SocketsTest.test_three",
            "tests.page.test_sockets.SocketsTest.test_two",
        ]
        failed.append("tests.test_tls.ServerTest.test_missing")
        self.assertEqual(
            outcome(_REPORT),
            Outcome(7, failed, ["tests.api.test_v2ctl.V2CtlTest.test_stats"], complete=True),
        )

    def test_cut_off(self) -> None:
        """A run that ended before its last line is not complete, whatever had passed."""
        self.assertEqual(outcome(_REPORT.partition("\n\n")[0]), Outcome(0, [], [], complete=False))
