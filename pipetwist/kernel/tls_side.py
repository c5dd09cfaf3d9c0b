"""A side of a connection that is a socket with TLS on it: OpenSSL reads and writes the socket
itself, so that no byte is copied through a BIO in memory.

Each direction ends alone, as RFC 8446 has it (section 6.1): a close_notify says that no more is
sent, and what still comes is read. A FIN without one ends the direction as well, but whether what
came before is whole nobody knows then.
"""

from __future__ import annotations

import errno
import os
import socket

from OpenSSL import SSL
from zope.interface import implementer

from pipetwist.interfaces import IDescriptorSide, ILimitedSide, ITracker
from pipetwist.kernel.context import KernelContext
from pipetwist.kernel.halves import Owner
from pipetwist.kernel.limited_reader import LimitedReader
from pipetwist.kernel.pipe_pool import Pipe
from pipetwist.kernel.reader import Reader
from pipetwist.kernel.socket_side import SocketSide
from pipetwist.kernel.writer import Writer
from pipetwist.tls.closure import got_close_notify
from pipetwist.tls.error_queue import forget_errors
from pipetwist.transfer.ending import CLOSE, CLOSE_WITH_ERROR, Step, Writing
from pipetwist.transfer.loss_reasons import NO_CLOSE_NOTIFY, describe_error
from pipetwist.transfer.socket_state import is_reset

__all__ = ["TlsReader", "TlsSide", "TlsWriter"]

# The most that a record holds (RFC 8446, section 5.1). Who reads with less room leaves bytes inside
# OpenSSL, of which the socket does not tell.
_RECORD = 1 << 14
# Records in one turn: each takes two system calls and some microseconds, however few bytes it has.
_MAX_RECORDS = 64
# Stands for an end that was read, whether with a close_notify or without.
_END = (0, "")
_SAYS_END = (Writing.DRAINING, Writing.CLOSING, Writing.RESETTING)


class TlsReader(Reader):
    """Reads what OpenSSL has decrypted: as many records as there are, up to the shared buffer's
    size.
    """

    __slots__ = ("found",)
    side: TlsSide

    def __init__(self, side: Owner) -> None:
        Reader.__init__(self, side)
        self.found: tuple[int, str] | None = None
        """What the last record was followed by: `_END`, or the number and the words of an error.
        The socket does not tell of it again. The error itself would hold those who have raised it.
        """

    @classmethod
    def limited(cls) -> type[Reader]:
        return LimitedTlsReader

    def read(self) -> None:
        self.copy()
        self.tell_found()

    def tell_found(self) -> None:
        """Tell of what follows the last record, once that is wanted."""
        if self.found is not None and self.wants():
            self.copy()

    def receive(self) -> int:
        if self.found is None:
            count = self.decrypt(self.side.kernel.buffer)
            if count or self.found is None:
                return count
        if self.found is not _END:
            raise OSError(*self.found)
        return 0

    def decrypt(self, buffer: memoryview) -> int:
        """Read records into this, as long as there is room for a whole one.

        Raises:
            OSError: there is none now.
        """
        receive, last = self.side.tls.recv_into, len(buffer) - _RECORD
        count = 0
        try:
            for _ in range(_MAX_RECORDS):
                count += receive(buffer[count : count + _RECORD])
                if count > last:
                    break
        except SSL.ZeroReturnError:
            self.found = _END
        except SSL.WantReadError as nothing:
            if not count:
                raise BlockingIOError(errno.EAGAIN, "") from nothing
        except SSL.WantWriteError:
            # Nothing is read before it has gone out, and meanwhile the socket would be told of as
            # readable all the time.
            self.found = (errno.EPROTO, "TLS: there is no room for the answer to a KeyUpdate")
        except SSL.Error as error:
            self.found = _number_and_words(error)
        return count


class LimitedTlsReader(LimitedReader, TlsReader):
    """Reads as much as it may. What is left of a record the socket does not tell of."""

    free = TlsReader

    def decrypt(self, buffer: memoryview) -> int:
        return super().decrypt(buffer[: self.turn_bytes])

    def tell_found(self) -> None:
        super().tell_found()
        if not self.moving and self.wants() and self.side.tls.pending():
            self.read()


class TlsWriter(Writer):
    """Has OpenSSL encrypt what is written, record by record."""

    __slots__ = ()
    side: TlsSide
    takes_splices = False

    def send(self, data: memoryview | bytearray) -> int:
        if is_reset(self.side.socket):
            # OpenSSL reads nothing any more once it could not write, and there may be an answer.
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        send = self.side.tls.send
        sent, size = 0, len(data)
        with memoryview(data) as view:
            try:
                while sent < size:
                    sent += send(view[sent : sent + _RECORD])
            except SSL.WantWriteError as full:
                # OpenSSL holds a record that has begun to go out. It counts when it has gone: the
                # same bytes are written then.
                if not sent:
                    raise BlockingIOError(errno.EAGAIN, "") from full
            except SSL.Error as error:
                number, words = _number_and_words(error)
                if not sent:
                    raise OSError(number, words) from error
        return sent

    def borrow_pipe(self) -> Pipe | None:
        """See `Sink`: what is to be encrypted can't be spliced."""
        return None

    def finish(self) -> None:
        """See `Writer`: a close_notify takes room as well, and is waited for."""
        ending = self.side.ending
        if self.waiting or not ending.delivers or ending.writable:
            return
        if ending.writing in _SAYS_END and not self.side.say_end():
            self.wait()
        else:
            Writer.finish(self)


@implementer(IDescriptorSide, ILimitedSide)
class TlsSide(SocketSide):
    """A socket whose handshake is complete.

    Args:
        kernel: what it works with.
        connected: the socket, which does not block.
        tls: OpenSSL's connection on it, as `pipetwist.tls` makes it.
        tracker: counts what is read from here and delivered here: what is inside of TLS.
        half_closes_by_fin: whether its peer may end its direction by a FIN alone, as clients do
            that half-close. Otherwise such an end is a loss.
    """

    __slots__ = ("_end_said", "_half_closes_by_fin", "_truncated", "tls")

    reader_type = TlsReader
    writer_type = TlsWriter
    reader: TlsReader

    def __init__(
        self,
        kernel: KernelContext,
        connected: socket.SocketType,
        tls: SSL.Connection,
        tracker: ITracker | None = None,
        *,
        half_closes_by_fin: bool = False,
    ) -> None:
        SocketSide.__init__(self, kernel, connected, tracker)
        self.tls = tls
        self._end_said = False
        self._half_closes_by_fin = half_closes_by_fin
        self._truncated = False

    @property
    def peer_tls(self) -> SSL.Connection:
        return self.tls

    def say_end(self) -> bool:
        """Send a close_notify, once.

        Returns:
            Whether that is done; where not there is no room for it now.
        """
        if not self._end_said:
            try:
                self.tls.shutdown()
            except SSL.WantWriteError:
                return False
            except SSL.Error:
                forget_errors()  # the peer has gone, of which the socket tells
            self._end_said = True
        return True

    # SocketSide.

    def watch(self) -> None:
        SocketSide.watch(self)
        if not self.ending.over:
            self.reader.tell_found()

    def all_read(self) -> None:
        """See `DescriptorSide`; where nobody knows whether what was read is whole, it is a loss, or
        becomes one when the other direction is over.
        """
        if got_close_notify(self.tls) or self.ending.closing:
            SocketSide.all_read(self)
        elif self._half_closes_by_fin:
            self._truncated = True
            SocketSide.all_read(self)
        else:
            self._lost(NO_CLOSE_NOTIFY)

    def broken(self, reason: str) -> None:
        """See `DescriptorSide`; once writing has failed OpenSSL does not say why reading does."""
        SocketSide.broken(self, self.reason or reason)

    def follow(self, step: Step) -> None:
        """See `SocketSide`; the FIN that an end of file has left out comes before the peer is
        waited for.
        """
        if step.lingers and not step.sends_end:
            SocketSide.send_end(self, step)
        SocketSide.follow(self, step)

    def send_end(self, step: Step) -> None:
        """See `SocketSide`: the close_notify has gone. A FIN follows only where nothing more is
        sent at all: TLS itself may have something to answer.
        """
        if step.after.closing:
            SocketSide.send_end(self, step)

    def close(self) -> None:
        """See `ISide`; a close_notify is sent in any case, or it would look cut off."""
        if not self.ending.closing:
            self._end_by(CLOSE)

    def close_with_error(self) -> None:
        """See `ISide`: without a close_notify, which tells over a unix socket as well."""
        if not self.ending.closing:
            self._end_by(CLOSE_WITH_ERROR)

    def _lost(self, reason: str) -> None:
        super()._lost(reason or (NO_CLOSE_NOTIFY if self._truncated else ""))


def _number_and_words(error: SSL.Error) -> tuple[int, str]:
    """What OpenSSL says, as the system would say it."""
    forget_errors()
    if isinstance(error, SSL.SysCallError) and error.args[0] > 0:
        return error.args[0], os.strerror(error.args[0])
    return errno.EPROTO, describe_error(error)
