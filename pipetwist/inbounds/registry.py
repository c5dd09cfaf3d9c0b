"""The types of inbounds: a new one is a file of its own and a line here."""

from __future__ import annotations

from pipetwist.inbounds.context import InboundContext
from pipetwist.inbounds.endpoint import EndpointInbound
from pipetwist.inbounds.pt import PtInbound
from pipetwist.inbounds.sip003 import Sip003Inbound
from pipetwist.inbounds.tcp import TcpInbound
from pipetwist.inbounds.udp import UdpInbound
from pipetwist.inbounds.unix import UnixInbound
from pipetwist.inbounds.unixgram import UnixgramInbound
from pipetwist.inbounds.vsock import VsockInbound
from pipetwist.interfaces import IInbound
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.registry import Kind, Registry

__all__ = ["INBOUNDS"]

INBOUNDS: Registry[Kind[InboundOptions, InboundContext, IInbound]] = Registry(
    "inbound",
    (
        EndpointInbound,
        PtInbound,
        Sip003Inbound,
        TcpInbound,
        UdpInbound,
        UnixInbound,
        UnixgramInbound,
        VsockInbound,
    ),
)
