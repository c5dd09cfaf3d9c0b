"""Bounds on what a command may use of the machine, set before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ResourceBounds"]

# The option of nice is a difference, and the daemon's own niceness need not be 0. GNU's nice runs a
# command also where it could not set it, so that it is tried before.
_NICE = (
    'by=$(($0 - $(nice))); [ "$(nice -n "$by" nice)" = "$0" ] || exit 1; exec nice -n "$by" -- "$@"'
)


@dataclass(frozen=True)
class ResourceBounds:
    """What a command may use.

    Attributes:
        nice: its niceness, from -20 to 19 (setpriority(2)); None for the daemon's.
        max_memory: bytes of address space (RLIMIT_AS, setrlimit(2)); None for no bound.
        max_descriptors: open file descriptors (RLIMIT_NOFILE); None for the daemon's bound.
    """

    nice: int | None = None
    max_memory: int | None = None
    max_descriptors: int | None = None

    def wrappers(self) -> Iterator[tuple[str, ...]]:
        """The programs that set them, each with its arguments: coreutils' and util-linux's. Nothing
        runs between the fork and the exec of a command, since posix_spawn starts it.
        """
        if self.nice is not None:
            yield "sh", "-c", _NICE, str(self.nice)
        limits = [
            f"--{name}={bound}"
            for name, bound in (("as", self.max_memory), ("nofile", self.max_descriptors))
            if bound is not None
        ]
        if limits:
            yield "prlimit", *limits, "--"
