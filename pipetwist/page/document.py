"""A sample as the JSON object that ``docs/page.md`` describes, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import islice
from typing import NamedTuple

from pipetwist import __version__
from pipetwist.page.sampling import Flow, Reading, Sampler
from pipetwist.page.view import View

__all__ = ["PIECE", "Steps", "Times", "connections", "document", "encoded", "traffic"]

PIECE = 250
"""Names or connections that are written in one step: less than a millisecond."""

Steps = Generator[None, None, bytes]
"""Work in steps: other work may be done at each yield. It returns JSON on one line, in ASCII."""


class Times(NamedTuple):
    """The times of a sample.

    Attributes:
        started: when the daemon started, in seconds since the epoch.
        now: the time of the sample, likewise.
        uptime: seconds since it was started, which is the difference of the two unless somebody has
            set the clock meanwhile.
    """

    started: float
    now: float
    uptime: float


def document(sample: Sampler, times: Times, traffic: bytes, connections: bytes) -> bytes:
    """Write a sample.

    Args:
        sample: the figures.
        times: of this daemon.
        traffic: what came of `traffic`.
        connections: what came of `connections`.
    """
    head = {
        "version": __version__,
        "started": round(times.started, 3),
        "time": round(times.now, 3),
        "uptime": round(times.uptime, 3),
        "interval": None if sample.interval is None else round(sample.interval, 3),
        "totals": {"open": len(sample.connections), "opened": sample.opened, **_flow(sample.flow)},
    }
    return b'%b,"traffic":%b,"connections":%b}' % (encoded(head)[:-1], traffic, connections)


def traffic(sample: Sampler, *, changes_only: bool) -> Steps:
    """Write the part that is the same for every view.

    Args:
        sample: the figures.
        changes_only: leave out inbounds, outbounds and users whose counters have not changed since
            the previous sample.
    """
    entities = []
    for entity, flows in sample.traffic.items():
        names = []
        told = iter(flows.items())
        while piece := list(islice(told, PIECE)):
            written = encoded(
                {name: _flow(flow) for name, flow in piece if flow.moved or not changes_only}
            )[1:-1]
            if written:
                names.append(written)
            yield
        entities.append(
            b'"%b":{"counted":%d,"names":{%b}}'
            % (entity.encode("ascii"), sample.counted[entity], b",".join(names))
        )
    return b"{%b}" % b",".join(entities)


def connections(sample: Sampler, view: View) -> Steps:
    """Write the part for one view.

    Args:
        sample: the figures.
        view: which of the connections.
    """
    matching, rows = yield from view.rows(list(sample.connections.values()))
    pieces = []
    for start in range(0, len(rows), PIECE):
        pieces.append(
            encoded([_row(reading, sample.seconds) for reading in rows[start : start + PIECE]])[
                1:-1
            ]
        )
        yield
    return b'{"matching":%d,"rows":[%b]}' % (matching, b",".join(pieces))


def encoded(what: object) -> bytes:
    """JSON without blanks."""
    return json.dumps(what, separators=(",", ":")).encode("ascii")


def _flow(flow: Flow) -> dict[str, int | None]:
    return {
        "uplink": flow.uplink,
        "downlink": flow.downlink,
        "uplink_rate": None if flow.uplink_rate is None else round(flow.uplink_rate),
        "downlink_rate": None if flow.downlink_rate is None else round(flow.downlink_rate),
    }


def _row(reading: Reading, now: float) -> dict[str, object]:
    connection = reading.connection
    return {
        "id": connection.number,
        "inbound": connection.client_info.inbound,
        "outbound": connection.outbound,
        "user": connection.client_info.user,
        "peer": connection.client_info.peer,
        "age": round(now - connection.began, 3),
        **_flow(reading),
        "held_by": connection.owner.limits.held_by(connection) or None,
    }
