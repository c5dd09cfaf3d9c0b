"""Connects to servers at a link-local address, which needs its interface's name, and listens there;
says of each way what came of it.

``python -m tests.network.link_local``, in a network namespace of its own, where it may change what
it likes.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pipetwist.api.options import ApiOptions
from pipetwist.config.document import Document, ExperimentalOptions, RouteOptions
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.kernel.context import kernel_context
from pipetwist.kinds.outbound_options import TlsClientOptions
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.tcp import TcpOutbound, TcpOutboundOptions
from pipetwist.outbounds.udp import UdpOutbound, UdpOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.tree import PipetwistService
from pipetwist.transfer.loss_reasons import describe_error
from pipetwist.web.options import WebOptions
from tests.support.certificates import Authority

__all__ = ["HOST", "main"]

HOST = "fe80::1%lo"
_LOOP: Any = reactor


def main() -> None:
    """Connect, and say how it went."""
    for command in ("link set lo up", "address add fe80::1/64 dev lo nodad"):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), "authority")
        certificate, key = authority.issue("link", address="fe80::1")
        server = socket.socket(socket.AF_INET6)
        server.bind(socket.getaddrinfo(HOST, 0)[0][4])
        server.listen()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        threading.Thread(target=_serve, args=(server, context), daemon=True).start()
        _LOOP.callWhenRunning(_connect, server.getsockname()[1], str(authority.path))
        _LOOP.run()


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    """Accept, and answer who speaks TLS."""
    kept = []
    while True:
        kept.append(server.accept()[0])
        threading.Thread(target=_shake_hands, args=(kept[-1], context), daemon=True).start()


def _shake_hands(peer: socket.socket, context: ssl.SSLContext) -> None:
    if peer.recv(1, socket.MSG_PEEK) == b"\x16":
        context.wrap_socket(peer, server_side=True)


def _connect(port: int, authority: str) -> None:
    kernel, stream = OutboundContext(_LOOP, kernel=kernel_context(_LOOP)), OutboundContext(_LOOP)
    tls = TlsClientOptions(enabled=True, certificate_path=authority)
    outbounds: list[Any] = [
        TcpOutbound(TcpOutboundOptions(tag="kernel", server=HOST, server_port=port), kernel),
        TcpOutbound(TcpOutboundOptions(tag="stream", server=HOST, server_port=port), stream),
        TcpOutbound(TcpOutboundOptions(tag="tls", server=HOST, server_port=port, tls=tls), stream),
        UdpOutbound(UdpOutboundOptions(tag="udp", server=HOST, server_port=port), kernel),
    ]
    left = {outbound.tag for outbound in outbounds} | {"listening"}

    def said(tag: str, text: str) -> None:
        sys.stdout.write(f"{tag}: {text}\n")
        left.discard(tag)
        if not left:
            _LOOP.stop()

    for outbound in outbounds:
        connecting: Deferred[Any] = outbound.connect()
        connecting.addCallbacks(
            lambda _, tag: said(tag, "connected"),
            lambda failure, tag: said(tag, describe_error(failure.value)),
            callbackArgs=(outbound.tag,),
            errbackArgs=(outbound.tag,),
        )
    _listen(said)


def _listen(said: Callable[[str, str], None]) -> None:
    """Listen there with everything that listens, and have everybody let in."""
    insecure = f"[{HOST}]:0"
    document = Document(
        inbounds=(
            TcpInboundOptions(tag="in", listen=HOST, listen_port=0),
            UdpInboundOptions(tag="udp", listen=HOST, listen_port=0),
        ),
        outbounds=(
            UnixOutboundOptions(tag="out", path="/nowhere"),
            UdpOutboundOptions(tag="udp", server=HOST, server_port=1),
        ),
        route=RouteOptions(rules=(RuleOptions(inbound=("udp",), outbound="udp"),)),
        experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen=insecure, insecure=True)),
        metrics=WebOptions(listen=insecure, insecure=True),
    )
    tree = PipetwistService(document, _LOOP)
    tree.startService()
    for port in (tree.inbounds["in"].port, tree.api.address.port, tree.web.address.port):
        with socket.socket(socket.AF_INET6) as client:
            client.settimeout(60)
            client.connect(socket.getaddrinfo(HOST, port)[0][4])
    tree.stopService().addCallback(lambda _: said("listening", "connected"))


if __name__ == "__main__":
    main()
