"""vsock in tests: a kernel that lets one machine talk with itself, or something in its place."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.network import vsock_socket
from pipetwist.network.listening_socket import ListeningSocket
from pipetwist.outbounds import vsock
from pipetwist.transfer import adoption
from pipetwist.values.bind_address import VsockAddress

__all__ = ["LOCAL_CID", "free_vsock_port", "pretend_vsock", "why_no_loopback"]

LOCAL_CID = 1
_ANY_PORT = 2**32 - 1


def why_no_loopback() -> str | None:
    """Why this kernel can't be tried with vsock; None if it can."""
    try:
        with socket.socket(vsock_socket.AF_VSOCK, socket.SOCK_STREAM) as trial:
            trial.bind((LOCAL_CID, _ANY_PORT))
    except OSError as error:
        return f"this kernel has no vsock_loopback: {error.strerror}"
    return None


def free_vsock_port() -> int:
    """A port of this machine that is free."""
    with socket.socket(vsock_socket.AF_VSOCK, socket.SOCK_STREAM) as trial:
        trial.bind((LOCAL_CID, _ANY_PORT))
        port: int = trial.getsockname()[1]
        return port


def pretend_vsock(case: SynchronousTestCase) -> list[float]:
    """Have sockets of vsock be TCP ones at 127.0.0.1, with the same port, whatever their cid.

    Returns:
        The seconds that each socket that connects was bound to.
    """
    bounds: list[float] = []

    def sockaddr(address: VsockAddress) -> Any:
        return "127.0.0.1", address.port

    def bound_connect_time(_: socket.socket, seconds: float) -> None:
        bounds.append(seconds)

    class Listening(ListeningSocket):
        """What TCP needs besides to listen again where it did."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    case.patch(vsock_socket, "ListeningSocket", Listening)
    case.patch(VsockAddress, "sockaddr", property(sockaddr))
    case.patch(vsock_socket, "AF_VSOCK", int(socket.AF_INET))
    case.patch(vsock, "AF_VSOCK", int(socket.AF_INET))
    case.patch(vsock, "bound_connect_time", bound_connect_time)
    case.patch(adoption, "_ADOPTED", ())
    return bounds
