"""What a configuration says about connection records: whether and where they are written."""

from __future__ import annotations

from twisted.logger import Logger

from pipetwist.config.document import Document
from pipetwist.interfaces import AnyReactor
from pipetwist.records.service import ConnectionRecords, RecordSettings
from pipetwist.relay.connection_table import ConnectionTable

__all__ = ["records_of"]


def records_of(
    document: Document, connections: ConnectionTable, reactor: AnyReactor, log: Logger
) -> ConnectionRecords | None:
    """The service that writes the records of connections; None if the configuration has none.

    Args:
        document: the configuration.
        connections: reports the connections to it.
        reactor: the reactor.
        log: the log.
    """
    options = document.log
    if options.connections is None:
        return None
    settings = RecordSettings(
        options.connections, options.connections_max_size, options.connections_max_files
    )
    records = ConnectionRecords(settings, reactor, log)
    connections.observe(records)
    return records
