"""What pipetwist must reach beside its peers, on the same machine in the same run, and whether it
does (medians).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf
from statistics import median

from bench.results import Results

__all__ = ["REQUIREMENTS", "Finding", "Requirement", "findings"]


class Bound(Enum):
    """How two figures are compared."""

    RATIO_AT_LEAST = "at least {:g} x"
    RATIO_AT_MOST = "at most {:g} x"
    KB_MORE_AT_MOST = "at most {:g} KB more than"
    US_MORE_AT_MOST = "at most {:g} µs more than"
    APART_BY_LESS = "less than {:.0%} from"


@dataclass(frozen=True)
class Requirement:
    """One condition.

    Args:
        what: what is compared, for people.
        bound: how.
        limit: with which number.
        against: the relay on the other side.
        measures: where the figures come from; it must hold in each.
        quantity: the key of the figure.
        of: the relay on this side.
    """

    what: str
    bound: Bound
    limit: float
    against: str
    measures: tuple[str, ...]
    quantity: str = "rate"
    of: str = "pipetwist"


@dataclass(frozen=True)
class Finding:
    """What came of a requirement.

    Args:
        requirement: which.
        figures: for each measure the medians beside each other; empty where one was not measured.
        by_round: for each measure the median of what each round gives by itself.
        reached: whether it holds; None where it was not measured. The medians decide. Where two
            figures are to be the same, the figures of the rounds do, since what the machine does
            between the rounds moves the medians more.
    """

    requirement: Requirement
    figures: tuple[float, ...] = ()
    by_round: tuple[float, ...] = ()
    reached: bool | None = None

    @property
    def asked(self) -> str:
        """The bound, for people."""
        return (
            f"{self.requirement.bound.value.format(self.requirement.limit)} "
            f"{self.requirement.against}"
        )

    @property
    def measured(self) -> str:
        """The figures, for people."""
        return self._texts(self.figures) or "not measured"

    @property
    def measured_by_round(self) -> str:
        """The medians of the rounds' own figures, for people."""
        return self._texts(self.by_round)

    @property
    def verdict(self) -> str:
        """Whether it is reached, for people."""
        return {True: "yes", False: "no", None: "-"}[self.reached]

    def _texts(self, figures: tuple[float, ...]) -> str:
        pattern = {
            Bound.KB_MORE_AT_MOST: "{:+.2f} KB",
            Bound.US_MORE_AT_MOST: "{:+.1f} µs",
            Bound.APART_BY_LESS: "{:+.1%}",
        }.get(self.requirement.bound, "{:.2f} x")
        return ", ".join(pattern.format(figure) for figure in figures)


_UNIX = ("unix-stream-up", "unix-stream-down")
_TCP = ("tcp-stream-up", "tcp-stream-down", "tcp-stream-both")
_TLS = ("tls-stream-up", "tls-stream-down")
_HANDSHAKES = ("tls-rsa-full", "tls-rsa-resumed", "tls-ecdsa-full", "tls-ecdsa-resumed")
_TAGS = ("counting-stream", "counting-connections", "counting-trips")
_DATAGRAMS = ("udp-datagrams", "udp-large-datagrams", "udp-64-sources")
_UNIX_STREAM = "unix to unix, one stream, up and down"
_TCP_STREAM = "TCP to TCP, one stream, up, down and both ways"
_DIFFERENCES = (Bound.KB_MORE_AT_MOST, Bound.US_MORE_AT_MOST)
_JUDGED_BY_ROUND = (Bound.APART_BY_LESS, Bound.US_MORE_AT_MOST)
_LEAST, _MOST = Bound.RATIO_AT_LEAST, Bound.RATIO_AT_MOST

REQUIREMENTS = (
    Requirement(_UNIX_STREAM, _LEAST, 2.0, "haproxy", _UNIX),
    Requirement(_UNIX_STREAM, _LEAST, 0.7, "direct", _UNIX),
    Requirement(f"CPU time for each GB, {_UNIX_STREAM}", _MOST, 0.5, "haproxy", _UNIX, "cpu"),
    Requirement(_TCP_STREAM, _LEAST, 1.0, "sing-box", _TCP),
    Requirement("TCP to TCP, 16 streams", _LEAST, 0.95, "sing-box", ("tcp-16-streams",)),
    Requirement(
        "CPU time for each GB, TCP to TCP, one stream and 16",
        _MOST,
        1.2,
        "sing-box",
        (*_TCP, "tcp-16-streams"),
        "cpu",
    ),
    Requirement("TLS to TCP, one stream, up and down", _LEAST, 1.4, "haproxy", _TLS),
    Requirement(
        "TLS handshakes a second, RSA and ECDSA, full and resumed each",
        _LEAST,
        0.9,
        "haproxy",
        _HANDSHAKES,
    ),
    Requirement("connections a second, unix", _LEAST, 0.7, "haproxy", ("unix-connections",)),
    Requirement("connections a second, TCP", _LEAST, 1.2, "sing-box", ("tcp-connections",)),
    Requirement("forked commands a second", _LEAST, 1.5, "socat", ("fork-connections",)),
    Requirement(
        "time to the first answer, without prefork",
        _LEAST,
        5.0,
        "pipetwist-prefork",
        ("fork-answer", "fork-burst"),
        "median",
    ),
    Requirement(
        "datagrams a second, 200 and 1,400 bytes, 64 sources", _LEAST, 1.0, "sing-box", _DATAGRAMS
    ),
    Requirement(
        "64-byte round trip, median, unix", _MOST, 0.9, "haproxy", ("unix-trips",), "median"
    ),
    Requirement(
        "memory for each idle connection, unix",
        Bound.KB_MORE_AT_MOST,
        1.0,
        "haproxy",
        ("unix-idle",),
        "memory",
    ),
    Requirement(
        "counting: stream, connections, round trips",
        Bound.APART_BY_LESS,
        0.02,
        "pipetwist",
        _TAGS,
        of="pipetwist-counting",
    ),
    *(
        Requirement(
            f"CPU time for a connection with a line in the log, {where}",
            Bound.US_MORE_AT_MOST,
            10.0,
            "pipetwist",
            ("logging",),
            "cpu",
            of=of,
        )
        for of, where in (
            ("pipetwist-info", "in a file"),
            ("pipetwist-info-pipe", "through a pipe"),
            ("pipetwist-info-json", "as JSON"),
        )
    ),
)


def findings(results: Results) -> list[Finding]:
    """What came of each requirement."""
    return [_finding(requirement, results) for requirement in REQUIREMENTS]


def _finding(requirement: Requirement, results: Results) -> Finding:
    figures, by_round = [], []
    for measure in requirement.measures:
        ours = results.summary(measure, requirement.of, requirement.quantity)
        theirs = results.summary(measure, requirement.against, requirement.quantity)
        pairs = results.pairs(measure, requirement.of, requirement.against, requirement.quantity)
        if ours is None or theirs is None or not pairs:
            return Finding(requirement)
        figures.append(_compare(requirement.bound, ours.median, theirs.median))
        by_round.append(median(_compare(requirement.bound, one, other) for one, other in pairs))
    judged = by_round if requirement.bound in _JUDGED_BY_ROUND else figures
    return Finding(
        requirement,
        tuple(figures),
        tuple(by_round),
        all(_holds(requirement, figure) for figure in judged),
    )


def _compare(bound: Bound, ours: float, theirs: float) -> float:
    if bound in _DIFFERENCES:
        return ours - theirs
    ratio = ours / theirs if theirs else inf
    return ratio - 1 if bound is Bound.APART_BY_LESS else ratio


def _holds(requirement: Requirement, figure: float) -> bool:
    match requirement.bound:
        case Bound.RATIO_AT_LEAST:
            return figure >= requirement.limit
        case Bound.RATIO_AT_MOST | Bound.KB_MORE_AT_MOST | Bound.US_MORE_AT_MOST:
            return figure <= requirement.limit
        case Bound.APART_BY_LESS:
            return abs(figure) < requirement.limit
