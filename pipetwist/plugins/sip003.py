"""The contract of shadowsocks' plug-ins, SIP003 (https://shadowsocks.org/doc/sip003.html).

A plug-in gets all that it has to know in its environment, and says nothing: it is ready when it
listens. It is ended by SIGTERM. One that carries datagrams (SIP003u) has for them the same hosts
and ports, over UDP.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import PurePath

from pipetwist.interfaces import Medium
from pipetwist.plugins.contract import Place

__all__ = ["ATTEMPTS", "LOOPBACK", "Sip003Client", "Sip003Server", "check_options", "free_port"]

LOOPBACK = "127.0.0.1"
_ADVICE = 'if it carries no datagrams, leave plugin_mode out, or write "tcp_only"'
_KINDS = {Medium.STREAM: socket.SOCK_STREAM, Medium.DATAGRAMS: socket.SOCK_DGRAM}
ATTEMPTS = 16
"""How often to look for a port that is free over TCP and UDP. Two would do: one in many is not."""


def check_options(text: str) -> None:
    """Check the options of a plug-in: ``key=value;flag``, with a backslash before each ``;``, ``=``
    and backslash of a value.

    Raises:
        ValueError: it ends within an escape: what would follow is no option's.
    """
    if (len(text) - len(text.rstrip("\\"))) % 2:
        message = (
            "plugin_opts ends with a backslash, which escapes nothing; write two for one that is "
            "part of the value"
        )
        raise ValueError(message)


def free_port(media: Iterable[Medium] = (Medium.STREAM,)) -> int:
    """A port of the loopback interface that is free now.

    Args:
        media: what for.

    Raises:
        OSError: there is none.
    """
    for attempt in range(1, ATTEMPTS + 1):
        with ExitStack() as probes:
            port = 0
            try:
                for medium in media:
                    probe = probes.enter_context(socket.socket(type=_KINDS[medium]))
                    probe.bind((LOOPBACK, port))
                    port = probe.getsockname()[1]
            except OSError:
                if attempt == ATTEMPTS:
                    raise
            else:
                break
    return port


class _Sip003:
    """What both ends have in common.

    Args:
        program: the plug-in's program.
        options: its options.
        media: what it carries.
    """

    ends_with_stdin = False

    def __init__(
        self, program: str, options: str, media: Sequence[Medium] = (Medium.STREAM,)
    ) -> None:
        self.name = PurePath(program).name
        self._options = options
        self._media = media

    def places_at(self, address: tuple[str, int]) -> Sequence[Place]:
        """Where it listens.

        Args:
            address: the host and the port, of whatever it carries.
        """
        return [
            Place(*address, medium, _ADVICE if medium is Medium.DATAGRAMS else "")
            for medium in self._media
        ]

    def variables(self, remote: tuple[str, int], local: tuple[str, int]) -> dict[str, str]:
        """The contract's variables.

        Args:
            remote: the host and the port between the two plug-ins.
            local: those between this one and us.
        """
        named = {
            "SS_REMOTE_HOST": remote[0],
            "SS_REMOTE_PORT": str(remote[1]),
            "SS_LOCAL_HOST": local[0],
            "SS_LOCAL_PORT": str(local[1]),
        }
        return {**named, "SS_PLUGIN_OPTIONS": self._options} if self._options else named

    def said(self, data: bytes) -> bytes:
        """See `Contract`: the contract has no words; what it says all the same is for the log."""
        return data


class Sip003Client(_Sip003):
    """The plug-in of a client: it listens on a port of ours, and connects to the far plug-in.

    Args:
        program: the plug-in's program.
        options: its options.
        server: the far plug-in's host and port.
        media: what it carries.
    """

    def __init__(
        self,
        program: str,
        options: str,
        server: tuple[str, int],
        media: Sequence[Medium] = (Medium.STREAM,),
    ) -> None:
        super().__init__(program, options, media)
        self._server = server
        self.address = (LOOPBACK, 0)
        """Where it listens; another port at each start."""

    def __repr__(self) -> str:
        return f"<Sip003Client {self.name} at {self.address}>"

    def begin(self) -> Mapping[str, str]:
        self.address = (LOOPBACK, free_port(self._media))
        return self.variables(self._server, self.address)

    def places(self) -> Sequence[Place]:
        return self.places_at(self.address)


class Sip003Server(_Sip003):
    """The plug-in of a server: it listens for the far plug-ins, and connects to us.

    Args:
        program: the plug-in's program.
        options: its options.
        listen: the host and the port that it listens at.
        media: what it carries.
    """

    def __init__(
        self,
        program: str,
        options: str,
        listen: tuple[str, int],
        media: Sequence[Medium] = (Medium.STREAM,),
    ) -> None:
        super().__init__(program, options, media)
        self._listen = listen
        self.ours = (LOOPBACK, 0)
        """Where we listen; to be set before it is started."""

    def __repr__(self) -> str:
        return f"<Sip003Server {self.name} at {self._listen}, for {self.ours}>"

    def begin(self) -> Mapping[str, str]:
        return self.variables(self._listen, self.ours)

    def places(self) -> Sequence[Place]:
        return self.places_at(self._listen)
