"""The contract of Tor's pluggable transports, version 1
(https://spec.torproject.org/pt-spec/).

A process has one or more transports. It says in lines on its standard output where they listen, and
ends when its standard input is closed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from pipetwist.plugins.contract import ContractError, Place
from pipetwist.plugins.pt_arguments import server_options
from pipetwist.plugins.pt_lines import Method, PtLines
from pipetwist.values.addresses import shown_address

__all__ = ["PtClient", "PtServer", "ServerTransport", "make_state_folder"]

_FOLDER_MODE = 0o700


def make_state_folder(path: str, uid: int | None) -> None:
    """Make the folder that a transport keeps its keys in, if it is not there.

    Args:
        path: the folder. The one above it must exist.
        uid: the user that the transport runs as; None for the daemon's.

    Raises:
        OSError: it can't be made.
    """
    try:
        os.mkdir(path, _FOLDER_MODE)  # noqa: PTH102 - a Path would follow the umask no less
    except FileExistsError:
        return
    except OSError as error:
        message = f"state_path: {path} can't be made: {error.strerror}"
        raise OSError(error.errno, message) from error
    if uid is not None:
        os.chown(path, uid, -1, follow_symlinks=False)


class _Pt:
    """What both ends have in common.

    Args:
        program: the transport's program.
        state_path: the folder for its state.
        uid: the user that it runs as; None for the daemon's.
    """

    ends_with_stdin = True
    lines: PtLines

    def __init__(self, program: str, state_path: str, uid: int | None) -> None:
        self.name = PurePath(program).name
        self._state_path = state_path
        self._uid = uid

    def variables(self) -> dict[str, str]:
        """The variables of both ends; makes the folder.

        Raises:
            OSError: it can't be made.
        """
        make_state_folder(self._state_path, self._uid)
        return {
            "TOR_PT_MANAGED_TRANSPORT_VER": "1",
            "TOR_PT_STATE_LOCATION": self._state_path,
            "TOR_PT_EXIT_ON_STDIN_CLOSE": "1",
        }

    def said(self, data: bytes) -> bytes:
        """See `Contract`."""
        return "".join(f"{line}\n" for line in self.lines.receive(data)).encode()

    def places(self) -> Sequence[Place] | None:
        """See `Contract`."""
        if not self.lines.done:
            return None
        return [Place(*method.address) for method in self.lines.methods.values()]


class PtClient(_Pt):
    """Transports of clients: each is a SOCKS proxy that connects to the server's.

    Args:
        program: their program.
        state_path: the folder for their state.
        uid: the user that they run as; None for the daemon's.
    """

    def __init__(self, program: str, state_path: str, uid: int | None = None) -> None:
        super().__init__(program, state_path, uid)
        self.lines = PtLines("client", ())
        self._used: dict[object, str] = {}
        self._asked: set[str] = set()

    def __repr__(self) -> str:
        return f"<PtClient {self.name} {self.lines!r}>"

    def join(self, user: object, transport: str) -> None:
        """Somebody uses a transport: it is asked for at the next start."""
        self._used[user] = transport

    def leave(self, user: object) -> None:
        """Somebody uses none any more."""
        self._used.pop(user, None)

    @property
    def is_outdated(self) -> bool:
        """Whether the next start, if there is one, asks for something else than the last one."""
        return bool(self._used) and self._asked != set(self._used.values())

    @property
    def lacks_any(self) -> bool:
        """Whether somebody uses a transport that the last start did not ask for."""
        return not self._asked.issuperset(self._used.values())

    def begin(self) -> Mapping[str, str]:
        self._asked = set(self._used.values())
        names = sorted(self._asked)
        self.lines = PtLines("client", names)
        return {**self.variables(), "TOR_PT_CLIENT_TRANSPORTS": ",".join(names)}

    def address(self, transport: str) -> tuple[str, int]:
        """Where one of them listens.

        Raises:
            ContractError: it is not among those that are ready.
        """
        method = self.lines.methods.get(transport)
        if method is None:
            message = f"the plug-in {self.name} has no transport {transport}"
            raise ContractError(message)
        return method.address


@dataclass(frozen=True)
class ServerTransport:
    """A transport of a server.

    Attributes:
        name: its name.
        listen: the IP address and port that it is to listen at.
        options: its options.
    """

    name: str
    listen: tuple[str, int]
    options: Mapping[str, str] = field(default_factory=dict)


class PtServer(_Pt):
    """Transports of servers: each listens for its clients, and connects to us.

    Args:
        program: their program.
        state_path: the folder for their state.
        uid: the user that they run as; None for the daemon's.
    """

    def __init__(self, program: str, state_path: str, uid: int | None = None) -> None:
        super().__init__(program, state_path, uid)
        self.transports: Mapping[str, ServerTransport] = {}
        """Those that are asked for at the next start, by their names."""
        self.ours: Mapping[str, str] = {}
        """The variables that say where we listen, at the next start."""
        self.lines = PtLines("server", ())
        self._asked: tuple[Mapping[str, ServerTransport], Mapping[str, str]] = ({}, {})

    def __repr__(self) -> str:
        return f"<PtServer {self.name} {self.lines!r}>"

    @property
    def is_outdated(self) -> bool:
        """Whether the last start asked for something else than the next one would."""
        return self._asked != (self.transports, self.ours)

    def begin(self) -> Mapping[str, str]:
        self._asked = (self.transports, self.ours)
        transports = self.transports.values()
        self.lines = PtLines("server", self.transports)
        variables = {
            **self.variables(),
            **self.ours,
            "TOR_PT_SERVER_TRANSPORTS": ",".join(self.transports),
            "TOR_PT_SERVER_BINDADDR": ",".join(
                f"{one.name}-{shown_address(*one.listen)}" for one in transports
            ),
        }
        options = [server_options(one.name, one.options) for one in transports if one.options]
        if options:
            variables["TOR_PT_SERVER_TRANSPORT_OPTIONS"] = ";".join(options)
        return variables

    def said(self, data: bytes) -> bytes:
        """See `Contract`; each transport has to listen where it was told to."""
        logged = super().said(data)
        for name, method in self.lines.methods.items():
            port = self._asked[0][name].listen[1]
            if method.address[1] != port:
                place = shown_address(*method.address)
                message = f"its transport {name} listens at {place}, and not on port {port}"
                raise ContractError(message)
        return logged

    def method(self, transport: str) -> Method | None:
        """Where one of them listens, and what clients need; None until it has said so."""
        return self.lines.methods.get(transport)
