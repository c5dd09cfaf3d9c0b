"""Documents with many users."""

from __future__ import annotations

import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import read_document
from pipetwist.errors import ConfigError
from tests.support.documents import problems, small


class SizeTest(SynchronousTestCase):
    """Documents of people with many users."""

    def test_endless(self) -> None:
        """A file that is larger than any configuration, such as a device that never ends, is not
        read to its end.
        """
        text = str(self.assertRaises(ConfigError, read_document, "/dev/zero"))
        self.assertEqual(
            text,
            "/dev/zero: the file can't be read: it is larger than 64 MiB; no configuration is",
        )

    def _users(self, number: int) -> dict[str, Any]:
        document = small()
        document["inbounds"][0]["users"] = [
            {"name": f"user{index}", "uid": index} for index in range(number)
        ]
        document["experimental"] = {
            "v2ray_api": {
                "stats": {"enabled": True, "users": [f"user{index}" for index in range(number)]}
            }
        }
        return document

    def _wrong_users(self, number: int) -> dict[str, Any]:
        document = self._users(number)
        for user in document["inbounds"][0]["users"]:
            user["name"] += "x"
            user["uidd"] = "1"
        return document

    def _lines(self, document: object) -> int:
        """How many lines of Python run while a document is read."""
        lines = 0

        def trace(frame: object, event: str, argument: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            problems(document)
        finally:
            sys.settrace(before)
        return lines

    def test_thousand(self) -> None:
        """The work grows with the number of users and no faster, for right ones as well as for
        wrong ones.
        """
        self.assertEqual(len(problems(self._wrong_users(1000))), 2000)
        for make in (self._users, self._wrong_users):
            problems(make(1))
            little, much = self._lines(make(100)), self._lines(make(1000))
            self.assertGreater(little, 100)
            self.assertLess(much, 12 * little)
