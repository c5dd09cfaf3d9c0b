"""Why a transport was lost, in words."""

from __future__ import annotations

import errno
import os

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.errors import ConnectError
from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, describe_error, reason_of


class CauseTest(SynchronousTestCase):
    """What a transport gives as its reason."""

    def test_nothing_wrong(self) -> None:
        """An end in order, and an abort, which is ours, have no cause."""
        for reason in (
            error.ConnectionDone(),
            error.ConnectionDone("done"),
            error.ConnectionAborted(),
        ):
            self.assertEqual(reason_of(Failure(reason)), "")

    def test_reset(self) -> None:
        """A connection that was lost without a reason was reset."""
        self.assertEqual(reason_of(Failure(error.ConnectionLost())), "the connection was reset")

    def test_no_close_notify(self) -> None:
        """A TLS connection whose socket has ended before TLS has is distinguished from a reset."""
        self.assertEqual(reason_of(Failure(CONNECTION_LOST)), NO_CLOSE_NOTIFY)

    def test_reset_by_number(self) -> None:
        """A reset is one whether it is noticed in reading or in writing."""
        for number in (errno.ECONNRESET, errno.EPIPE):
            self.assertEqual(
                reason_of(Failure(OSError(number, os.strerror(number)))), "the connection was reset"
            )

    def test_reasons(self) -> None:
        """A reason is reported."""
        self.assertEqual(
            reason_of(Failure(OSError(errno.ETIMEDOUT, "Connection timed out"))),
            "Connection timed out",
        )
        self.assertIn("no route", reason_of(Failure(error.ConnectionLost("no route"))))


class DescriptionTest(SynchronousTestCase):
    """An error on one line."""

    def test_os_error(self) -> None:
        """An error of the system's is reported in the system's words, without number and file."""
        self.assertEqual(
            describe_error(FileNotFoundError(errno.ENOENT, "No such file or directory", "/x")),
            "No such file or directory",
        )

    def test_os_error_of_words(self) -> None:
        """One that has only words is reported in those."""
        self.assertEqual(describe_error(OSError("AF_UNIX path too long")), "AF_UNIX path too long")

    def test_our_own(self) -> None:
        """Our own errors are reported as they are."""
        self.assertEqual(
            describe_error(ConnectError("/run/x: Connection refused")), "/run/x: Connection refused"
        )

    def test_twisted(self) -> None:
        """Twisted's are reported without the point at their end."""
        self.assertEqual(
            describe_error(error.ConnectionRefusedError()), "Connection was refused by other side"
        )

    def test_one_line(self) -> None:
        """A text of several lines becomes one."""
        self.assertEqual(describe_error(ValueError("one\n  two\t three.")), "one two three")

    def test_no_words(self) -> None:
        """An error without words is reported by its kind."""
        self.assertEqual(describe_error(ValueError()), "ValueError")
        self.assertEqual(describe_error(None), "None")

    def test_openssl(self) -> None:
        """OpenSSL's are reported by their reasons."""
        self.assertEqual(
            describe_error(
                SSL.Error([("SSL routines", "", "certificate verify failed"), ("x", "y", "z")])
            ),
            "TLS: certificate verify failed, z",
        )

    def test_openssl_without_reasons(self) -> None:
        """One of OpenSSL's without reasons is reported by its kind."""
        self.assertEqual(
            [describe_error(one) for one in (SSL.Error(), SSL.Error([]))], ["Error", "TLS: Error"]
        )
