"""What an operator sees of a relay that carries nothing: problems, limits and plug-ins, the same
ones each time, where they are asked for.
"""

from __future__ import annotations

from datetime import timezone
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pipetwist.connection.cause import Cause
from pipetwist.control.status import LastReload, Listener, Status
from pipetwist.kinds.limit_options import LimitOptions, QuotaOptions, UserLimitOptions
from pipetwist.limits.limits import Limits
from pipetwist.page.problems import Problems, ProblemSources
from pipetwist.page.state import OperatorState
from pipetwist.plugins.status import PluginStatus
from pipetwist.process.identity import ProcessIdentity
from pipetwist.quotas.calendar import Calendar
from pipetwist.quotas.quota_table import QuotaTable
from pipetwist.quotas.usage import UnwrittenCounter
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.stats.names import ENTITIES

__all__ = ["PretendedState"]

_NOBODY_LISTENS = Listener("inbound backup", "0.0.0.0:8388", is_listening=False)
_RELOAD = LastReload(1_767_967_000.0, "outbounds[2].server: 'example' has no port")
_PLUGINS = (
    PluginStatus("outbound obfs", "obfs-local", "ready", 4711, 7384.0, None, "", 1, 0, 0.21),
    PluginStatus(
        "inbound bridge-in",
        "obfs4proxy",
        "waiting",
        None,
        None,
        12.5,
        "the plug-in obfs4proxy failed: it exited with status 1 before it was ready: "
        "[ERROR]: failed to load the state file",
        7,
        6,
        0.0,
    ),
    PluginStatus("outbound lazy", "v2ray-plugin", "stopped", None, None, None, "", 0, 0, 0.0),
)


class _Command:
    """The side of a command, as much of it as is asked."""

    dropped = 0
    process = ProcessIdentity()


class PretendedState:
    """What the calls of the page tell.

    Args:
        clock: counts the time.
        now: the time in seconds since the epoch.
        connection_table: has the connections.
    """

    def __init__(self, clock: IReactorTime, now: float, connection_table: ConnectionTable) -> None:
        self._clock = clock
        self._start = now
        self._table = connection_table
        self._troubled = False
        limits = connection_table.limits
        sources = ProblemSources(
            self._status,
            limits.notices,
            lambda then: clock.seconds() - then,
            lambda: {("vpn-tls", "direct"): 3, ("backup", ""): 12} if self._troubled else {},
            lambda: 0,
        )
        self.problems = Problems(self.now, sources)
        """Observes the connections."""
        listed = dict.fromkeys(ENTITIES, True)
        self.state = OperatorState(
            self.problems, limits, lambda: _PLUGINS if self._troubled else (), lambda: listed
        )
        connection_table.observe(self.problems)

    def now(self) -> float:
        """The time of day."""
        return self._start + self._clock.seconds()

    def get_into_trouble(self) -> None:
        """From now on much goes wrong, and users have limits."""
        self._troubled = True
        counters: dict[str, UnwrittenCounter] = {}
        table = self._table
        table.limits.keep_quotas(
            QuotaTable(
                self._clock,
                Calendar(self.now, timezone.utc),
                lambda name: counters.setdefault(name, UnwrittenCounter()),
                counters.__contains__,
                table.look_again,
            )
        )
        month = QuotaOptions(bytes=50 * 10**9, per="month", starts=15)
        slower = LimitOptions(down_mbps=1.0)
        day = QuotaOptions(bytes=5 * 10**9, per="day", count="down", then=slower)
        table.limit(
            Limits(
                inbound={"backup": LimitOptions(up_mbps=100.0, connections_per_second=10.0)},
                user={
                    "alice": UserLimitOptions(up_mbps=20.0, down_mbps=100.0, quota=(month, day)),
                    "mallory": UserLimitOptions(max_connections=5, max_sources=2, quota=(month,)),
                    "rupert": UserLimitOptions(down_mbps=0.5, expires="2027-03-01"),
                },
                zone=timezone.utc,
            )
        )
        quotas = table.limits.quotas
        assert quotas is not None
        for name, used in (("alice", 4_100_000_000), ("mallory", 50 * 10**9)):
            for quota in quotas.of(name):
                quota.usage.add(used)
        table.limits.notices.hit("user mallory", "max_connections", "new connections are refused")
        for _ in range(7):
            table.rejected("vpn-tls", Cause.HANDSHAKE)
            table.rejected("office-unix", Cause.REFUSED)
        table.limits.admission.refused["max_connections"] = 7
        for connection in table.connections():
            if connection.outbound == "archive":
                connection.cause = Cause.CONNECT
                connection.reason = "cannot connect: 192.0.2.40:873: Connection refused"
                table.close(connection)
            elif connection.outbound == "ssh-command":
                command: Any = _Command()
                connection.server, connection.cause = command, Cause.SERVER
                connection.reason = "server: the command exited with status 255"
                table.close(connection)

    def _status(self) -> Status:
        listeners = (_NOBODY_LISTENS,) if self._troubled else ()
        refused = self._table.limits.admission.refused if self._troubled else {}
        return Status(
            version="",
            started=self._start,
            uptime=self._clock.seconds(),
            listeners=listeners,
            open=0,
            connections=0,
            failures=(),
            refused=tuple((limit, count) for limit, count in refused.items() if count),
            held=(),
            reload=_RELOAD if self._troubled else None,
        )
