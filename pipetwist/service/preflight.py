"""What a start needs on its machine: commands, certificates and folders. Everything is checked, not
only up to the first problem.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.kinds.folders import require_folder
from pipetwist.storage.offline import read_counters
from pipetwist.tls.listener import ListenerTls
from pipetwist.values.bind_address import UnixAddress
from pipetwist.values.listen import parse_listen

__all__ = ["preflight_problems"]


def preflight_problems(document: Document) -> list[str]:
    """Find what is missing, or can't be used by this user; a line for each.

    Nothing is started, and it does not listen.
    """
    needs: list[Callable[[], object]] = [
        *(options.check_here for options in (*document.inbounds, *document.outbounds)),
        *(partial(look, document) for look in (_api, _control, _store, _records, _metrics)),
    ]
    return [fault for fault in map(_fault, needs) if fault is not None]


def _fault(needs: Callable[[], object]) -> str | None:
    try:
        needs()
    except StartError as error:
        return str(error)
    return None


def _api(document: Document) -> None:
    api = document.experimental.v2ray_api
    if api is None:
        return
    if api.spoken_tls is not None:
        from pipetwist.api.availability import load_api

        load_api()  # says what to install if gRPC is missing
        ListenerTls("experimental.v2ray_api", api.spoken_tls)
    _require_folder("experimental.v2ray_api.listen", api.listen)


def _control(document: Document) -> None:
    control = document.control
    if control is None or control.listen is None:
        return
    if control.spoken_tls is not None:
        from pipetwist.control.availability import load_control

        load_control()  # says what to install if gRPC is missing
        ListenerTls("control", control.spoken_tls)
    _require_folder("control.listen", control.listen)


def _require_folder(label: str, listen: str | None) -> None:
    address = None if listen is None else parse_listen(listen)
    if isinstance(address, UnixAddress):
        require_folder(label, address.path)


def _store(document: Document) -> None:
    api = document.experimental.v2ray_api
    if api is None or api.stats.store is None:
        return
    label, path = "experimental.v2ray_api.stats.store", api.stats.store
    real = Path(os.path.realpath(path))
    require_folder(label, str(real))
    if real.exists():
        try:
            # The daemon that uses it may be the one that will be reloaded.
            read_counters(real)
        except StartError as error:
            message = f"{label}: {error}"
            raise StartError(message) from error
    if not os.access(real if real.exists() else real.parent, os.W_OK):
        message = f"{label}: {real} may not be written by this user"
        raise StartError(message)


def _records(document: Document) -> None:
    if document.log.connections is None:
        return
    label, path = "log.connections", Path(os.path.realpath(document.log.connections))
    require_folder(label, str(path))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        message = f"{label}: {path} may not be written by this user"
        raise StartError(message)


def _metrics(document: Document) -> None:
    tls = None if document.metrics is None else document.metrics.spoken_tls
    if tls is not None:
        ListenerTls("metrics", tls)
