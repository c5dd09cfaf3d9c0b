"""Sockets of vsock, vsock(7): between a virtual machine and its host."""

from __future__ import annotations

import errno
import os
import socket
import struct

from pipetwist.errors import StartError
from pipetwist.network.listening_socket import BACKLOG, ListeningSocket
from pipetwist.values.bind_address import ANY_CID, VsockAddress

__all__ = ["AF_VSOCK", "bound_connect_time", "check_vsock", "open_vsock"]

AF_VSOCK = int(getattr(socket, "AF_VSOCK", 40))
"""The address family, which Python has names of only on Linux."""
_ANY_PORT = 2**32 - 1
_CONNECT_TIMEOUT = 6  # SO_VM_SOCKETS_CONNECT_TIMEOUT, of the level AF_VSOCK
_MAX_SECONDS = 2**31


def check_vsock(label: str, cid: int = ANY_CID) -> None:
    """Check that the kernel has vsock, and this machine a cid.

    Args:
        label: whose check it is, for errors.
        cid: the cid that is to be listened at.

    Raises:
        StartError: it has not.
    """
    try:
        with socket.socket(AF_VSOCK, socket.SOCK_STREAM) as trial:
            if cid != ANY_CID:
                trial.bind((cid, _ANY_PORT))
    except OSError as error:
        raise _failure(label, VsockAddress(cid, 0), error) from error


def open_vsock(label: str, address: VsockAddress) -> ListeningSocket:
    """Listen at an address.

    Args:
        label: whose socket it is, for errors.
        address: where.

    Raises:
        StartError: it can't listen there.
    """
    try:
        listening = ListeningSocket(AF_VSOCK, socket.SOCK_STREAM)
        try:
            listening.bind(address.sockaddr)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise _failure(label, address, error) from error
    return listening


def bound_connect_time(opened: socket.SocketType, seconds: float) -> None:
    """Have the kernel wait so long for an answer when a socket connects; by itself it gives up
    after two seconds.

    Raises:
        OSError: the kernel does not let it.
    """
    whole, part = divmod(min(seconds, _MAX_SECONDS), 1)
    timeval = struct.pack("ll", int(whole), int(part * 1e6))
    # Python's own sockets of this family take numbers alone: of another it passes on what it is
    # given.
    another = socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM, 0, opened.fileno())
    try:
        another.setsockopt(AF_VSOCK, _CONNECT_TIMEOUT, timeval)
    finally:
        another.detach()


def _failure(label: str, address: VsockAddress, error: OSError) -> StartError:
    if error.errno in (errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT):
        text = "this kernel has no vsock; load its module (modprobe vsock), or use another type"
    elif error.errno == errno.EADDRNOTAVAIL:
        module = (
            "vsock_loopback" if address.cid == 1 else "vmw_vsock_virtio_transport or vhost_vsock"
        )
        text = (
            f"this machine has not got the cid {address.cid}; leave cid out to listen at each that "
            f"it has, or load the kernel's module ({module})"
        )
    elif error.errno == errno.EACCES:
        text = f"can't listen on {address}: ports below 1024 are root's (CAP_NET_BIND_SERVICE)"
    else:
        reason = os.strerror(error.errno) if error.errno else str(error)
        text = f"can't listen on {address}: {reason}"
    return StartError(f"{label}: {text}")
