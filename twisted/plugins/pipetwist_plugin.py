"""Tells twistd and twist of the command pipetwist."""

from twisted.application.service import ServiceMaker

pipetwist = ServiceMaker(
    "pipetwist",
    "pipetwist.tap",
    "Relay unix and TCP sockets to sockets or commands, counting every byte as V2Ray does.",
    "pipetwist",
)
