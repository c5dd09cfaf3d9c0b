"""The lines of connection records."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.connection.cause import Cause
from pipetwist.connection.client_info import ClientInfo
from pipetwist.process.identity import ProcessIdentity
from pipetwist.records.lines import lost_line, record_line
from tests.support.connection_records import made_up

_ENDED = 1_764_410_400.5


class LinesTest(SynchronousTestCase):
    """One line each."""

    def test_record(self) -> None:
        """It has everything that is known of the connection, in one line of JSON."""
        connection = made_up(
            number=7,
            client_info=ClientInfo("in", "10.0.0.1:4711", "10.0.0.1", "alice"),
            cause=Cause.SERVER,
            uplink=3,
            downlink=2**40,
            reason="server: Connection reset by peer",
            process=ProcessIdentity(99),
        )
        line = record_line(connection, 1.25, _ENDED)
        self.assertEqual((line.count("\n"), line[-1]), (1, "\n"))
        self.assertEqual(
            json.loads(line),
            {
                "began": "2025-11-29T09:59:59.250+00:00",
                "ended": "2025-11-29T10:00:00.500+00:00",
                "seconds": 1.25,
                "id": 7,
                "inbound": "in",
                "outbound": "out",
                "user": "alice",
                "source": "10.0.0.1",
                "peer": "10.0.0.1:4711",
                "pid": 99,
                "uplink": 3,
                "downlink": 2**40,
                "cause": "server",
                "reason": "server: Connection reset by peer",
            },
        )

    def test_unknown(self) -> None:
        """What is not known is null."""
        record = json.loads(record_line(made_up(), 0.0, _ENDED))
        self.assertEqual(
            [key for key, value in record.items() if value is None], ["user", "pid", "cause"]
        )

    def test_one_line(self) -> None:
        """A reason with a line break, or with what controls a terminal, stays in the line."""
        line = record_line(made_up(reason="a\nb\x1b[2J\u2028c\x85"), 0.0, _ENDED)
        self.assertTrue(line[:-1].isprintable())
        self.assertEqual(json.loads(line)["reason"], "a\nb\x1b[2J\u2028c\x85")

    def test_lost(self) -> None:
        """The line for lost records says how many, and why."""
        self.assertEqual(
            json.loads(lost_line(3, "No space left on device", _ENDED)),
            {
                "time": "2025-11-29T10:00:00.500+00:00",
                "lost": 3,
                "reason": "No space left on device",
            },
        )
