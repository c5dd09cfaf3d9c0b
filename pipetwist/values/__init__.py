"""The kinds of value in a configuration: how each is written, what it becomes, and what is wrong
with a bad one.

Option classes annotate their fields with these. Nothing here imports pydantic until a configuration
is read.
"""

from __future__ import annotations

from pipetwist.values.checked import Checked, NotEmpty, OneOrMore
from pipetwist.values.durations import Duration
from pipetwist.values.endpoint_string import EndpointString
from pipetwist.values.framing import Framing
from pipetwist.values.hosts import Host
from pipetwist.values.names import Owner, Tag, UserName
from pipetwist.values.networks import IpNetwork
from pipetwist.values.numbers import (
    Cid,
    Count,
    Id,
    Megabits,
    Mode,
    Niceness,
    Port,
    PositiveCount,
    ServerPort,
    VsockPort,
)
from pipetwist.values.paths import FilePath, UnixPath, is_abstract, unix_sockaddr
from pipetwist.values.quoting import quote
from pipetwist.values.sizes import Size
from pipetwist.values.texts import Command, Environment, Program, Text, Words

__all__ = [
    "Checked",
    "Cid",
    "Command",
    "Count",
    "Duration",
    "EndpointString",
    "Environment",
    "FilePath",
    "Framing",
    "Host",
    "Id",
    "IpNetwork",
    "Megabits",
    "Mode",
    "Niceness",
    "NotEmpty",
    "OneOrMore",
    "Owner",
    "Port",
    "PositiveCount",
    "Program",
    "ServerPort",
    "Size",
    "Tag",
    "Text",
    "UnixPath",
    "UserName",
    "VsockPort",
    "Words",
    "is_abstract",
    "quote",
    "unix_sockaddr",
]
