"""The keys of every inbound and outbound with a pluggable transport of Tor's."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pipetwist.kinds.folders import require_folder
from pipetwist.plugins.options import PluginProcessOptions
from pipetwist.values import Command, FilePath, Text, quote

__all__ = ["PtOptions"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # pt-spec, 2.1: an identifier of C


@dataclass(frozen=True, kw_only=True)
class PtOptions(PluginProcessOptions):
    """The keys of a transport's process."""

    transport: Text
    """The transport's name, such as ``obfs4``."""
    command: Command
    """The program and its arguments, for no shell. One with ``/`` is relative to the
    configuration's folder, others are sought in PATH.
    """
    state_path: FilePath
    """The folder for the program's keys, which is made if it is not there."""

    def __post_init__(self) -> None:
        """Refuse a name that no transport has."""
        if not _NAME.fullmatch(self.transport):
            message = (
                f"transport: {quote(self.transport)} names none; a name has letters, digits and _, "
                "and does not begin with a digit"
            )
            raise ValueError(message)
        super().__post_init__()

    @property
    def program(self) -> Sequence[str]:
        return self.command

    @property
    def process_key(self) -> Hashable:
        """Those with an equal one share a process."""
        return (
            *(self.command, frozenset(self.env.items()), self.inherit_env, self.user, self.cwd),
            *(self.state_path, self.nice, self.max_memory, self.max_descriptors, self.kill_grace),
        )

    @property
    def process_group(self) -> Hashable:
        return self.process_key

    def check_here(self) -> None:
        require_folder(self.label, self.state_path)
        super().check_here()
