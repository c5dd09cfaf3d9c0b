"""Files of counters as a stop and a kill leave them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NoReturn

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.storage.store import FileCounterStore

__all__ = ["AMOUNTS", "close", "fail", "figures", "kill", "open_store", "quick_folder"]

AMOUNTS = {
    "inbound>>>pipe-in>>>traffic>>>uplink": 2**54 - 1,
    "user>>>alice>>>traffic>>>uplink": 70_000,
    "user>>>ändrú>>>traffic>>>downlink": 0,
}
"""What is counted where a test has no wishes: names that fill their record and names that don't."""


_MEMORY = Path("/dev/shm")


def quick_folder(case: SynchronousTestCase) -> Path:
    """A folder for one test, gone after it, in memory where there is a file system there: thousands
    of fsyncs would take their time.
    """
    folder = Path(tempfile.mkdtemp(prefix="pt-", dir=_MEMORY if _MEMORY.is_dir() else None))
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


def fail(name: str, error: OSError) -> NoReturn:
    """There should be room."""
    message = f"{name}: {error}"
    raise AssertionError(message)


def open_store(path: Path) -> FileCounterStore:
    """Open a store whose file has room."""
    store = FileCounterStore(path, fail)
    store.open()
    return store


def figures(store: FileCounterStore) -> dict[str, tuple[int, int]]:
    """Each counter's total and value."""
    return {counter.name: (counter.total(), counter.value()) for counter in store.counters()}


def kill(store: FileCounterStore) -> bytes:
    """What a kill leaves of a store's file at this moment; the store itself is closed."""
    assert store._file is not None
    data = store._file.read()
    close(store)
    store_path = Path(store.path)
    store_path.write_bytes(data)
    return data


def close(store: FileCounterStore) -> None:
    """Stop in order."""
    store.detach()
    store.close()
