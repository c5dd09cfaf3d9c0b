"""The types of outbounds: a new one is a file of its own and a line here."""

from __future__ import annotations

from pipetwist.interfaces import IOutbound
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.registry import Kind, Registry
from pipetwist.outbounds.context import OutboundContext
from pipetwist.outbounds.endpoint import EndpointOutbound
from pipetwist.outbounds.fork import ForkOutbound
from pipetwist.outbounds.pt import PtOutbound
from pipetwist.outbounds.sip003 import Sip003Outbound
from pipetwist.outbounds.tcp import TcpOutbound
from pipetwist.outbounds.udp import UdpOutbound
from pipetwist.outbounds.unix import UnixOutbound
from pipetwist.outbounds.unixgram import UnixgramOutbound
from pipetwist.outbounds.vsock import VsockOutbound

__all__ = ["OUTBOUNDS"]

OUTBOUNDS: Registry[Kind[OutboundOptions, OutboundContext, IOutbound]] = Registry(
    "outbound",
    (
        EndpointOutbound,
        ForkOutbound,
        PtOutbound,
        Sip003Outbound,
        TcpOutbound,
        UdpOutbound,
        UnixOutbound,
        UnixgramOutbound,
        VsockOutbound,
    ),
)
