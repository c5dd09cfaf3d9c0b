"""Words for what pydantic finds."""

from __future__ import annotations

from pydantic_core import InitErrorDetails, ValidationError
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.problems import Problem
from pipetwist.config.validation_messages import problems_of


class WordingTest(SynchronousTestCase):
    """What no document of today leads to."""

    def test_unforeseen(self) -> None:
        """An error of a kind that has no words of its own is reported at its place, and still not
        in pydantic's words.
        """
        details: list[InitErrorDetails] = [
            {
                "type": "int_parsing",
                "loc": ("inbounds", 0, "unix", "users", "other", 1, "other", "uid"),
                "input": "x",
            },
            {"type": "url_type", "loc": ("drain_timeout",), "input": None},
        ]
        error = ValidationError.from_exception_data("Document", details)
        found = list(problems_of(error, {}))
        self.assertEqual(
            found,
            [
                Problem(("inbounds", 0, "users", 1, "uid"), '"x" is not allowed here'),
                Problem(("drain_timeout",), "null is not allowed here"),
            ],
        )
