"""A sample as the JSON object that ``docs/page.md`` describes, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import islice
from typing import NamedTuple

from pipetwist import __version__
from pipetwist.page.sampling import Flow, Reading, Sampler
from pipetwist.page.view import View

__all__ = ["PIECE", "Steps", "Times", "connections", "document", "traffic"]

PIECE = 250
"""Names or connections that are written at once: less than a millisecond."""

Steps = Generator[None, None, bytes]
"""Work that other work may be done in between of, wherever it yields; JSON on one line, in ASCII,
comes of it.
"""


class Times(NamedTuple):
    """What the clocks say.

    Attributes:
        started: when the daemon started, in seconds since the epoch.
        now: what time it is, the same way.
        uptime: seconds since it was started: how far the two dates are apart, unless somebody has
            set the clock meanwhile.
    """

    started: float
    now: float
    uptime: float


def document(sample: Sampler, times: Times, traffic: bytes, connections: bytes) -> bytes:
    """What is told of a sample.

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
    return b'%b,"traffic":%b,"connections":%b}' % (_encoded(head)[:-1], traffic, connections)


def traffic(sample: Sampler, *, changes_only: bool) -> Steps:
    """The part that is the same for every view.

    Args:
        sample: the figures.
        changes_only: leave out inbounds, outbounds and users whose counters stand where they stood
            in the sample before.
    """
    entities = []
    for entity, flows in sample.traffic.items():
        names = []
        told = iter(flows.items())
        while piece := list(islice(told, PIECE)):
            written = _encoded(
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
    """The part that is a view's own.

    Args:
        sample: the figures.
        view: which of the connections.
    """
    matching, rows = yield from view.rows(list(sample.connections.values()))
    pieces = []
    for start in range(0, len(rows), PIECE):
        pieces.append(
            _encoded([_row(reading, sample.seconds) for reading in rows[start : start + PIECE]])[
                1:-1
            ]
        )
        yield
    return b'{"matching":%d,"rows":[%b]}' % (matching, b",".join(pieces))


def _encoded(what: object) -> bytes:
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
    }
