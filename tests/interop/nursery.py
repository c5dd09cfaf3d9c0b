"""Starts daemons one after another, quickly: a process that has loaded everything forks one for
each line that it reads.

Run as ``python -m tests.interop.nursery FILE`` it writes, for each line, the daemon's process as
soon as it listens, and an empty line when that has ended.
"""

from __future__ import annotations

import os
import sys

from pipetwist.config.document import Document
from pipetwist.config.reading import read_document
from pipetwist.service.tree import PipetwistService

__all__ = ["main"]


def main() -> None:
    """Fork until there are no more lines."""
    document = read_document(sys.argv[1])
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            _serve(document)
        os.waitpid(pid, 0)
        _say("")


def _serve(document: Document) -> None:
    from twisted.internet import reactor

    try:
        tree = PipetwistService(document, reactor)
        tree.startService()
        _say(str(os.getpid()))
        reactor.run()
    finally:
        os._exit(1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
