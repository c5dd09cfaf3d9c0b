"""The errors that people see. The text of each says what is wrong, where, and what to do."""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ConnectError",
    "LimitError",
    "NameTimeoutError",
    "NobodyListensError",
    "RefusedError",
    "ServerError",
    "StartError",
    "StoreError",
]


class ConfigError(Exception):
    """A configuration that can't be used. Its text has one line for each problem, each with the
    file and the place.
    """


class StartError(Exception):
    """The daemon, or a part of it, can't start. Its text is one line."""


class ConnectError(Exception):
    """An outbound can't be connected for one connection. Its text is one line."""


class NobodyListensError(ConnectError):
    """No server listens at the address of an outbound, or none yet. Its text is one line."""


class NameTimeoutError(ConnectError):
    """The name of a server could not be resolved in time. Its text is one line."""


class RefusedError(Exception):
    """This client is not allowed. The text says which client, and why, for the log."""


class LimitError(RefusedError):
    """A limit lets in nobody more. That is logged for all whom it refuses, once a minute."""


class StoreError(StartError):
    """A file of counters can't be used. Its text is one line."""


class ServerError(Exception):
    """A StatsService or a control service can't be asked, or does not answer. Its text is one
    line.
    """
