"""How long connections wait for a reload: the longest turn of the reactor meanwhile, with many
users.

``python -m bench.reloads`` reloads a configuration of 5,000 users ten times, one more user each
time, and says for each reload the longest turn by the clock, and the most processor time that the
reactor's thread has used in a turn, which other programs have no part in.

With ``--file`` the users are in a file of their own, which alone is read again, as where it is
watched; 50,000 of them should take less than two seconds.

The median of the longest turns must keep a bound; the exit status is 1 where it does not. On a
machine that others use too, the processor time tells whose fault that is.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater, react
from twisted.logger import globalLogBeginner, textFileLogObserver

from bench.bounds import Bounds
from bench.disturbance import Disturbance
from pipetwist.config.reading import read_document
from pipetwist.service.file_reloader import FileReloader
from pipetwist.service.reader import ProcessReader
from pipetwist.service.tree import PipetwistService

__all__ = ["Turns", "configuration", "main"]

_MAX_MILLISECONDS = 10.0


class Turns:
    """The longest turns of a reactor: a turn is what it does from one look at the descriptors to
    the next.

    Args:
        poller: what an epoll reactor looks with; this takes its place.
    """

    def __init__(self, poller: Any) -> None:
        self._poller = poller
        self.begin()

    def begin(self) -> None:
        """Forget what was."""
        self.longest = 0.0
        """Seconds by the clock."""
        self.busiest = 0.0
        """Seconds of processor time."""
        self._clock, self._processor = time.perf_counter(), time.thread_time()

    def poll(self, *arguments: Any) -> Any:
        """A turn is over; the next begins when there is something to do."""
        self.longest = max(self.longest, time.perf_counter() - self._clock)
        self.busiest = max(self.busiest, time.thread_time() - self._processor)
        found = self._poller.poll(*arguments)
        self._clock, self._processor = time.perf_counter(), time.thread_time()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def configuration(users: int) -> str:
    """A configuration's text with so many users, who are all counted, and a comment."""
    names = [f"{number}.user-{number}" for number in range(users)]
    document = {
        "log": {"level": "warn"},
        "inbounds": [
            {
                "type": "unix",
                "tag": "in",
                "path": "in.sock",
                "users": [{"name": name, "uid": 10_000 + at} for at, name in enumerate(names)],
            }
        ],
        "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
        "experimental": {"v2ray_api": {"stats": {"enabled": True, "users": names}}},
    }
    return f"// many users\n{json.dumps(document, indent=2)}\n"


def configuration_with_file() -> str:
    """A configuration's text whose users are in the file ``users.jsonl``, and are all counted."""
    document = {
        "log": {"level": "warn"},
        "users_file": "users.jsonl",
        "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock", "users": "*"}],
        "outbounds": [{"type": "unix", "tag": "out", "path": "out.sock"}],
        "experimental": {"v2ray_api": {"stats": {"enabled": True, "users": "*"}}},
    }
    return json.dumps(document)


def lines_of_users(users: int) -> str:
    """The text of such a file: half of the users are known by their uid, half by an address."""
    lines = []
    for number in range(users):
        address = ip_address(0x0A000000 + number)
        known = {"uid": 10_000 + number} if number % 2 else {"source": [str(address)]}
        lines.append(json.dumps({"name": f"{number}.user-{number}", **known}))
    return "".join(f"{line}\n" for line in lines)


class Measured(NamedTuple):
    """What was measured of each reload, in seconds.

    Attributes:
        longest: the longest turn by the clock.
        busiest: the most processor time in a turn.
        whole: how long it took.
    """

    longest: list[float]
    busiest: list[float]
    whole: list[float]


@inlineCallbacks
def _measure(
    reactor: Any, file: Path, users: int, reloads: int, *, in_file: bool
) -> Generator[Deferred[Any], Any, Measured]:
    def write(number: int) -> None:
        if in_file:
            users_file.write_text(lines_of_users(users + number), encoding="utf-8")
        else:
            file.write_text(configuration(users + number), encoding="utf-8")

    users_file = file.with_name("users.jsonl")
    file.write_text(configuration_with_file(), encoding="utf-8")
    write(0)
    tree = PipetwistService(read_document(file), reactor)
    tree.startService()
    gc.freeze()  # as the daemon does
    reader = ProcessReader(reactor)
    rereading = FileReloader(tree, str(file), reader.read, reader.read_users)
    poller = "_poller"  # Twisted has no public name for it
    turns = Turns(getattr(reactor, poller))
    setattr(reactor, poller, turns)
    measured = Measured([], [], [])
    for number in range(1, reloads + 1):
        write(number)
        began = time.perf_counter()
        turns.begin()
        yield rereading.reload_users() if in_file else rereading.reload_file()
        measured.whole.append(time.perf_counter() - began)
        yield deferLater(reactor, 0.1)  # what was left to be freed is
        document: Any = tree.document  # its inbound is a unix one
        now = document.all_users if in_file else document.inbounds[0].users
        assert len(now) == users + number, "it was not taken"
        measured.longest.append(turns.longest)
        measured.busiest.append(turns.busiest)
    yield tree.stopService()
    return measured


@inlineCallbacks
def main(reactor: Any, *words: str) -> Generator[Deferred[Any], Any, None]:
    """Do what the words ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.reloads", description=__doc__)
    parser.add_argument(
        "--users", type=int, default=5000, help="how many users the configuration has (5000)"
    )
    parser.add_argument("--file", action="store_true", help="have them in a file of their own")
    parser.add_argument("--reloads", type=int, default=10, help="how often it is reloaded (10)")
    parser.add_argument(
        "--at-most",
        type=float,
        default=_MAX_MILLISECONDS,
        metavar="MS",
        help=f"the bound, in milliseconds ({_MAX_MILLISECONDS:g})",
    )
    options = parser.parse_args(words)
    bounds = Bounds(options.at_most)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    disturbance = Disturbance(lambda: 0.0)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "pipetwist.json"
        longest, busiest, whole = yield _measure(
            reactor, file, options.users, options.reloads, in_file=options.file
        )
    milliseconds = [seconds * 1e3 for seconds in longest]
    print(f"longest turn, ms: {_rounded(longest)}; {bounds.judge('longest turn', milliseconds)}")
    print(f"processor time, ms: {_rounded(busiest)}; median {median(busiest) * 1e3:.2f} ms")
    print(f"whole reload, ms: {_rounded(whole)}; median {median(whole) * 1e3:.0f} ms")
    print(f"Other programs used {disturbance.share():.0%} of the machine.")
    if bounds.status:
        raise SystemExit(bounds.status)


def _rounded(seconds: Sequence[float]) -> str:
    return " ".join(f"{one * 1e3:.1f}" for one in seconds)


if __name__ == "__main__":
    react(main, sys.argv[1:])
