"""Headers of datagrams: each begins with one of version 2, as dnsdist and PowerDNS have it."""

from __future__ import annotations

from pipetwist.proxy_protocol.header import Header, HeaderError, NoHeaderError
from pipetwist.proxy_protocol.machine import HeaderMachine

__all__ = ["split_datagram"]


def split_datagram(datagram: bytes) -> tuple[Header, bytes]:
    """Divide a datagram into its header and what the client has sent.

    Args:
        datagram: all of it.

    Raises:
        NoHeaderError: no header of version 2 begins so.
        HeaderError: there is something wrong with the header, or it is not all there.
    """
    machine = HeaderMachine()
    taken = machine.take(datagram)
    header = machine.header
    if not taken or (header is not None and header.version == 1):
        message = "it has no header of version 2"
        raise NoHeaderError(message)
    if header is None:
        message = "its header is cut off"
        raise HeaderError(message)
    return header, datagram[taken:]
