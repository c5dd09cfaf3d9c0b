"""Checks that whoever may act on open connections is known, in a document as it was written."""

from __future__ import annotations

from collections.abc import Iterator

from pipetwist.config.problems import KeyPath, Problem, every
from pipetwist.control.options import page_refused, why_refused
from pipetwist.values.bind_address import UnixAddress
from pipetwist.values.listen import parse_listen

__all__ = ["control_refused"]


def control_refused(raw: object) -> Iterator[Problem]:
    """Find what the block ``control`` may not be together with the rest."""
    for key_path, options in every(raw, "control"):
        if isinstance(options, dict):
            yield from _listener(options, key_path)
            if options.get("page", False) is not False:
                yield from _page(raw, key_path)


def _listener(options: dict[str, object], key_path: KeyPath) -> Iterator[Problem]:
    try:
        listen = parse_listen(options.get("listen"))
    except ValueError:
        return
    refusal = why_refused(
        listen, tls=_is_spoken(options), client_certificates=_needs_certificates(options)
    )
    if refusal is not None:
        yield Problem((*key_path, "tls" if isinstance(listen, UnixAddress) else "listen"), refusal)


def _page(raw: object, key_path: KeyPath) -> Iterator[Problem]:
    metrics = next((found for _, found in every(raw, "metrics")), None)
    served = metrics if isinstance(metrics, dict) else {}
    refusal = page_refused(
        metrics=metrics is not None,
        tls=_is_spoken(served),
        client_certificates=_needs_certificates(served),
    )
    if refusal is not None:
        yield Problem((*key_path, "page"), refusal)


def _is_spoken(options: dict[str, object]) -> bool:
    tls = options.get("tls")
    return tls is not None and not (isinstance(tls, dict) and tls.get("enabled") is False)


def _needs_certificates(options: dict[str, object]) -> bool:
    tls = options.get("tls")
    return isinstance(tls, dict) and tls.get("client_certificate_path") is not None
