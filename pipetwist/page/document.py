"""A sample as the JSON object that ``docs/page.md`` describes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pipetwist import __version__
from pipetwist.page.sampling import Flow, Reading, Sampler
from pipetwist.page.view import View

__all__ = ["Times", "document", "encoded"]


class Times(NamedTuple):
    """What the clocks say.

    Attributes:
        started: when the daemon started, in seconds since the epoch.
        now: what time it is, the same way.
        uptime: seconds since it was started: how far the two dates are apart, unless somebody has set the clock meanwhile.
    """

    started: float
    now: float
    uptime: float


def document(sample: Sampler, view: View, times: Times, *, changes_only: bool = False) -> dict[str, Any]:
    """What is told of a sample.

    Args:
        sample: the figures.
        view: which of the connections.
        times: of this daemon.
        changes_only: leave out inbounds, outbounds and users whose counters stand where they stood in the sample before.
    """
    matching, rows = view.rows(sample.connections.values())
    return {
        "version": __version__,
        "started": round(times.started, 3),
        "time": round(times.now, 3),
        "uptime": round(times.uptime, 3),
        "interval": None if sample.interval is None else round(sample.interval, 3),
        "totals": {"open": len(sample.connections), "opened": sample.opened, **_flow(sample.flow)},
        "traffic": {
            entity: {
                "counted": sample.counted[entity],
                "names": {name: _flow(flow) for name, flow in flows.items() if flow.moved or not changes_only},
            }
            for entity, flows in sample.traffic.items()
        },
        "connections": {"matching": matching, "rows": [_row(reading, sample.seconds) for reading in rows]},
    }


def encoded(what: dict[str, Any]) -> bytes:
    """A document as JSON on one line, in ASCII."""
    return json.dumps(what, separators=(",", ":")).encode("ascii")


def _flow(flow: Flow) -> dict[str, int | None]:
    return {
        "uplink": flow.uplink,
        "downlink": flow.downlink,
        "uplink_rate": None if flow.uplink_rate is None else round(flow.uplink_rate),
        "downlink_rate": None if flow.downlink_rate is None else round(flow.downlink_rate),
    }


def _row(reading: Reading, now: float) -> dict[str, Any]:
    account = reading.account
    return {
        "id": account.number,
        "inbound": account.visitor.inbound,
        "outbound": account.outbound,
        "user": account.visitor.user,
        "peer": account.visitor.peer,
        "age": round(now - account.began, 3),
        **_flow(reading),
    }
