"""Sends the daemon's states to the service manager, by sd_notify(3)'s protocol: lines in a
datagram.
"""

from __future__ import annotations

import os
import socket

from twisted.logger import Logger

__all__ = ["Notifier"]


class Notifier:
    """Sends assignments to the service manager, if there is one. It never blocks; of failures in a
    row only the first is logged.

    Its socket stays open, so that a daemon without free descriptors can still report to the
    watchdog.

    Args:
        address: NOTIFY_SOCKET: a path, or an abstract name that begins with ``@``; None for no
            service manager.
    """

    _log = Logger()

    def __init__(self, address: str | None) -> None:
        self._address = (
            None
            if address is None
            else os.fsencode(f"\0{address[1:]}" if address.startswith("@") else address)
        )
        self._shown = address
        self._socket: socket.socket | None = None
        self._fails = False

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager."""
        return self._address is not None

    def send(self, *assignments: str) -> None:
        """Send assignments such as ``READY=1``. A line break in one becomes a space."""
        if self._address is None:
            return
        text = "\n".join(" ".join(assignment.splitlines()) for assignment in assignments)
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(text.encode(), self._address)
        except BlockingIOError:  # it does not read at the moment; the next report will reach it
            return
        except OSError as error:
            if not self._fails:
                self._log.warn(
                    "can't notify {address} (NOTIFY_SOCKET): {error}",
                    address=self._shown,
                    error=error.strerror,
                )
            self._fails = True
        else:
            self._fails = False

    def close(self) -> None:
        """Stop sending."""
        self._address = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
