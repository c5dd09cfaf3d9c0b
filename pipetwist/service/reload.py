"""Has a running tree go on by another configuration: what is open stays as it is, what comes goes by the new one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, inlineCallbacks

from pipetwist.config.document import Document
from pipetwist.service.exchange import exchange_inbounds, refuse_collisions

if TYPE_CHECKING:
    from pipetwist.service.tree import PipetwistService

__all__ = ["needs_restart", "reload_tree"]

_STATS = "experimental.v2ray_api.stats"
_TLS = ("certificate_path", "key_path", "client_certificate_path")
_CHANGEABLE = {
    "log.level",
    "inbounds",
    "outbounds",
    "route.rules",
    "route.final",
    "transfer",
    "drain_timeout",
    *(f"{_STATS}.{key}" for key in ("enabled", "inbounds", "outbounds", "users")),
    *(
        f"{place}.tls.{key}"
        for place in ("experimental.v2ray_api", "metrics")
        for key in ("certificate_path", "key_path", "client_certificate_path")
    ),
}


def needs_restart(started: Document, wanted: Document) -> list[str]:
    """The keys of which a running tree can't take the new values."""
    return list(_differences(started, wanted))


@inlineCallbacks
def reload_tree(tree: PipetwistService, document: Document) -> Generator[Deferred[Any], Any, None]:
    """Go on by another configuration.

    Args:
        tree: the tree, which runs.
        document: the configuration.

    Returns:
        A Deferred that fires when connections come in by it. It fails with `pipetwist.errors.StartError` where something that the
        configuration names can't be had; then everything is as it was.
    """
    refuse_collisions(document, tree.inbounds)
    yield tree.hosts.learn(_new_hosts(tree, document))
    outbounds = tree.make_outbounds(document, _kept(tree, document))
    show_certificates = _certificates(tree, document)
    inbounds = yield exchange_inbounds(tree.inbounds, document.inbounds, tree.make_inbound)
    # Nothing can fail from here on.
    report = _report(tree, document)
    left = [inbound for inbound in tree.inbounds.values() if inbound not in inbounds.values()]
    idle = [outbound for outbound in tree.outbounds.values() if IService.providedBy(outbound) and outbound not in outbounds.values()]
    tree.go_by(document, inbounds, outbounds)
    for show in show_certificates:
        show()
    for inbound in left:
        inbound.disownServiceParent()
    for outbound in idle:
        _retire(outbound)
    tree.log.info("the configuration was taken anew{report}", report=report)
    for one in tree.unused_sockets():
        tree.log.warn("{socket} was handed in, and no inbound listens there any more: clients wait in vain", socket=str(one))
    if tree.api is not None:
        tree.api.come_back()
    for place in needs_restart(tree.started, document):
        tree.log.warn("{place}: the change of this key needs a restart", place=place)


def _new_hosts(tree: PipetwistService, document: Document) -> Iterator[tuple[str, str]]:
    """The hosts that are to be listened at and are not yet, and whose each is."""
    for options in document.inbounds:
        before = tree.inbounds.get(options.tag)
        if before is None or not before.goes_on_with(options):
            for key, host in options.hosts.items():
                yield f"{options.place}: {key}", host


def _retire(outbound: Any) -> None:
    outbound.retire().addCallback(lambda _: outbound.disownServiceParent())


def _kept(tree: PipetwistService, document: Document) -> dict[str, Any]:
    """The outbounds that have commands of their own, and go on as they are. The others are made anew, and read their files again."""
    before = {options.tag: (options, options.moved_by(tree.document.transfer)) for options in tree.document.outbounds}
    return {
        options.tag: tree.outbounds[options.tag]
        for options in document.outbounds
        if (options, options.moved_by(document.transfer)) == before.get(options.tag) and IService.providedBy(tree.outbounds[options.tag])
    }


def _certificates(tree: PipetwistService, document: Document) -> list[Callable[[], None]]:
    """Read those of the API and of the metrics again; what has each shown."""
    api, metrics = document.experimental.v2ray_api, document.metrics
    asked = ((tree.api, None if api is None else api.tls), (tree.web, None if metrics is None else metrics.tls))
    return [part.read_certificates(tls) for part, tls in asked if part is not None]


def _report(tree: PipetwistService, document: Document) -> str:
    """What is other than before, for people; empty where nothing is."""
    parts = []
    for section, before, after in (
        ("inbounds", tree.document.inbounds, document.inbounds),
        ("outbounds", tree.document.outbounds, document.outbounds),
    ):
        old: dict[str, Any] = {options.tag: options for options in before}
        new: dict[str, Any] = {options.tag: options for options in after}
        for word, tags in (
            ("new", new.keys() - old.keys()),
            ("changed", {tag for tag in new.keys() & old.keys() if new[tag] != old[tag]}),
            ("gone", old.keys() - new.keys()),
        ):
            if tags:
                parts.append(f"{section} {word}: {', '.join(sorted(tags))}")
    return "".join(f"; {part}" for part in parts)


def _differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    # Where nothing would be said nothing is compared: there may be many users.
    if place in _CHANGEABLE:
        return
    if is_dataclass(before) and type(before) is type(after):
        for key in fields(before):
            yield from _differences(getattr(before, key.name), getattr(after, key.name), f"{place}.{key.name}".lstrip("."))
    elif before != after:
        yield place
