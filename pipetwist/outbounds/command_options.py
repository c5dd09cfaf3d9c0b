"""The keys of outbounds that start commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipetwist.kinds.outbound_options import StreamOutboundOptions
from pipetwist.outbounds.command_figures import COMMAND_FIGURES
from pipetwist.process.options import ProgramOptions
from pipetwist.values import Command, PositiveCount
from pipetwist.values.texts import shell_words

__all__ = ["CommandOptions"]


@dataclass(frozen=True, kw_only=True)
class CommandOptions(ProgramOptions, StreamOutboundOptions):
    """The command of an outbound, and how it is run."""

    descriptors = 4  # its input, its output, its standard error, and the process itself
    figures = COMMAND_FIGURES

    command: Command
    """The command and its arguments, for no shell. One with ``/`` is relative to the
    configuration's folder, others are sought in PATH.
    """
    reset_on_failure: bool = False
    """Cuts the client off where the exit status is not 0, as where a signal kills the command: over
    TCP with a reset, over TLS without a close_notify."""
    max_processes: PositiveCount | None = None
    """How many may run at once; a connection beyond that is closed. No bound where absent."""
    prefork: PositiveCount | None = None
    """How many are started ahead and wait for a connection each. None where absent."""
    peer_environment: bool = False
    """Tells the command of its client by variables: ``PIPETWIST_ID``, ``PIPETWIST_INBOUND``,
    ``PIPETWIST_USER``, ``REMOTE_ADDR``, ``REMOTE_PORT``, ``REMOTE_PID``, ``REMOTE_UID`` and
    ``NCAT_REMOTE_ADDR``, as far as they are known. Not with ``prefork``.
    """

    def __post_init__(self) -> None:
        """Refuse a prefork that is greater than max_processes, or whose commands should know their
        clients.
        """
        super().__post_init__()
        if self.prefork is not None and self.peer_environment:
            message = (
                "peer_environment can't be used with prefork: those commands start before there is "
                "a client; leave one of the two out"
            )
            raise ValueError(message)
        if (
            self.prefork is not None
            and self.max_processes is not None
            and self.prefork > self.max_processes
        ):
            message = (
                f"prefork ({self.prefork}) is more than max_processes ({self.max_processes}) lets "
                "run"
            )
            raise ValueError(message)

    def notes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        text = shell_words(self.command)
        if text is not None:
            yield ("command",), text
        yield from super().notes()

    @property
    def program(self) -> Sequence[str]:
        return self.command

    @property
    def needs_clients(self) -> bool:
        return self.peer_environment

    @property
    def reserved_descriptors(self) -> int:
        return self.descriptors * (self.prefork or 0)
