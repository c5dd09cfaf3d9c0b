"""Applies another configuration to a running tree: open connections do not change, new ones use the
new configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from pipetwist.accounts import Account
from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.inbounds.context import InboundContext
from pipetwist.interfaces import InlineCallbacks, IRunningOutbound, OutboundLike
from pipetwist.kinds.inbound_options import InboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.limits.limits import Limits
from pipetwist.logs.levels import LeveledLogger
from pipetwist.outbounds.context import OutboundContext
from pipetwist.relay.connection_table import ConnectionTable
from pipetwist.relay.routing_table import Current
from pipetwist.service.asking_again import AskingAgain
from pipetwist.service.building import make_inbound, make_outbounds, unused_sockets
from pipetwist.service.counting import tracked_by
from pipetwist.service.generation import Generation
from pipetwist.service.inbound_replacement import refuse_collisions, replace_inbounds
from pipetwist.service.limiting import finding_limits
from pipetwist.service.quotas import refuse_new_quotas
from pipetwist.service.restarts import needs_restart
from pipetwist.service.sharing import divide_descriptors
from pipetwist.stats.tracking import Tracked
from pipetwist.steps import in_turns
from pipetwist.users.lists import UserLists, indexed

__all__ = ["Reloader"]


class Reloader:
    """Builds the next generation of a tree, and swaps it in.

    Args:
        tree: the service that the inbounds and outbounds are children of.
        current: the current generation of the tree.
        inbounds: the inbounds' context.
        outbounds: the outbounds' context.
        log: the log, whose level is the configuration's.
        connection_table: the open connections.
        limit: has limits hold, in small steps.
        api: the `pipetwist.api.service.StatsApi`; None if there is none.
        control: the `pipetwist.control.service.ControlService`; None if there is none.
        web: the `pipetwist.web.service.WebService`; None if there is none.
    """

    def __init__(
        self,
        tree: MultiService,
        current: Current[Generation],
        inbounds: InboundContext,
        outbounds: OutboundContext,
        log: LeveledLogger,
        connection_table: ConnectionTable,
        limit: Callable[[Limits], Generator[None, None, None]],
        api: Any = None,  # a StatsApi: called as the others are, with options of its own
        control: Any = None,  # a ControlService
        web: Any = None,  # a WebService
    ) -> None:
        self._tree = tree
        self._current = current
        self._inbounds = inbounds
        # The daemon goes on without what a reload could not start.
        self._outbounds = replace(outbounds, start_failed=self._not_started)
        self._log = log
        self._started = current.now.document
        self._limit = limit
        self._connection_table = connection_table
        self._api = api
        self._control = control
        self._web = web
        self._asking_again = AskingAgain(inbounds.reactor, current, connection_table, log)

    def __repr__(self) -> str:
        return f"<Reloader of {self._current.now!r}>"

    def _not_started(self, error: StartError) -> None:
        self._log.error("{error}", error=str(error))

    def follow(self, limits: Limits) -> Deferred[None]:
        """Apply the current generation to the rest of the tree. What is no longer in it is left for
        the caller to stop.

        Args:
            limits: what it limits.

        Returns:
            A Deferred that fires when the limits hold for all open connections.
        """
        generation, context = self._current.now, self._inbounds
        document = generation.document
        self._log.set_level(document.log.level)
        context.relay.names_clients = (
            self._web is not None
            or self._control is not None
            or document.log.level in ("debug", "info")
            or self._started.log.connections is not None
            or generation.router.needs_clients
            or any(options.needs_clients for options in document.outbounds)
        )
        limiting = in_turns(self._inbounds.reactor, self._limit(limits))
        divide_descriptors(
            context.shares, document, None if context.kernel is None else context.kernel.pool
        )
        for part in (*generation.outbounds.values(), *generation.inbounds.values()):
            if IService.providedBy(part) and part.parent is None:
                part.setServiceParent(self._tree)
        return limiting

    def reload(self, document: Document) -> Deferred[None]:
        """Apply another configuration.

        Args:
            document: the configuration.

        Returns:
            A Deferred that fires when new connections use it. It fails with
            `pipetwist.errors.StartError` if something that the configuration names can't be used;
            then everything is as before.
        """

        def forget(outcome: object) -> object:
            self._outbounds.accounts.forget()
            return outcome

        reloading: Deferred[None] = self._reload(document).addBoth(forget)
        return reloading

    @inlineCallbacks
    def _reload(self, document: Document) -> InlineCallbacks[None]:
        before = self._current.now
        refuse_collisions(document, before.inbounds)
        limits = yield in_turns(self._inbounds.reactor, finding_limits(document))
        refuse_new_quotas(self._connection_table, limits)
        learning = self._outbounds.accounts.learn(_accounts(before.document, document))
        yield self._inbounds.listeners.hosts.learn(_new_hosts(before, document))
        yield learning
        users = yield self._users(before, document)
        outbounds = make_outbounds(document, self._outbounds, _kept(before, document))
        show_certificates = self._certificates(document)
        inbounds = yield replace_inbounds(
            before.inbounds,
            document.inbounds,
            lambda options: make_inbound(options, self._inbounds),
        )
        # Nothing can fail from here on.
        tracked = _tracked(before, document)
        self._current.swap(Generation.of(document, inbounds, outbounds, tracked, users))
        limiting = self.follow(limits)
        for show in show_certificates:
            show()
        self._end_rest(before)
        yield limiting
        self._log.info("configuration reloaded{report}", report=_report(before.document, document))
        self._tell_of_unused_sockets()
        for part in (self._api, self._control):
            if part is not None:
                part.come_back()
        for key_path in needs_restart(self._started, document):
            self._log.warn("{place}: a change of this key needs a restart", place=key_path)
        yield self._asking_again.ask()
        if users is not before.users:
            # All at once would take longer than a turn may.
            in_turns(self._inbounds.reactor, before.users.dismantle())

    def _users(self, before: Generation, document: Document) -> Deferred[UserLists]:
        """Who may come in at each inbound: the same object if that has not changed."""
        if _asked(before.document) == _asked(document):
            return succeed(before.users)
        return in_turns(self._inbounds.reactor, indexed(document.all_users, document.inbounds))

    def _certificates(self, document: Document) -> list[Callable[[], object]]:
        """Read the certificates of what listens besides inbounds again. Returns functions that have
        them used.
        """
        api, control, metrics = document.experimental.v2ray_api, document.control, document.metrics
        asked = (
            (self._api, None if api is None else api.tls),
            (self._control, None if control is None else control.tls),
            (self._web, None if metrics is None else metrics.tls),
        )
        return [part.read_certificates(tls) for part, tls in asked if part is not None]

    def _end_rest(self, before: Generation) -> None:
        """Stop what is not in the current generation."""
        now = self._current.now
        for inbound in before.inbounds.values():
            if inbound not in now.inbounds.values():
                inbound.disownServiceParent()
        for outbound in before.outbounds.values():
            if IService.providedBy(outbound) and outbound not in now.outbounds.values():
                _retire(outbound)

    def _tell_of_unused_sockets(self) -> None:
        for one in unused_sockets(self._inbounds.listeners.inherited, self._current.now.inbounds):
            self._log.warn(
                "{socket} was inherited, and no inbound listens there any more: its clients "
                "get no answer",
                socket=str(one),
            )


def _new_hosts(before: Generation, document: Document) -> Iterator[tuple[str, str]]:
    """The hosts that new listeners need, each with the key that names it."""
    for options in document.inbounds:
        inbound = before.inbounds.get(options.tag)
        if inbound is None or not inbound.can_apply(options):
            for key, host in options.hosts.items():
                yield f"{options.label}: {key}", host


def _accounts(*documents: Document) -> Iterator[Account]:
    """The accounts of both documents: a roll-back needs those of the old one."""
    for document in documents:
        for options in (*document.inbounds, *document.outbounds):
            yield from options.accounts


def _retire(outbound: Any) -> None:  # an IOutbound that is also an IService
    if IRunningOutbound.providedBy(outbound):
        outbound.retire().addCallback(lambda _: outbound.disownServiceParent())
    else:
        outbound.disownServiceParent()


def _kept(before: Generation, document: Document) -> dict[str, OutboundLike]:
    """The outbounds that are services and have not changed, which are kept. The others are replaced
    by new ones, which read their files again.
    """
    known = {
        options.tag: (_unlimited(options), options.moved_by(before.document.transfer))
        for options in before.document.outbounds
    }
    return {
        options.tag: before.outbounds[options.tag]
        for options in document.outbounds
        if (_unlimited(options), options.moved_by(document.transfer)) == known.get(options.tag)
        and IService.providedBy(before.outbounds[options.tag])
    }


def _asked(document: Document) -> object:
    """What the lists of users depend on."""
    users = {options.tag: getattr(options, "users", None) for options in document.inbounds}
    return document.users, document.users_file, users


def _unlimited(options: OutboundOptions) -> OutboundOptions:
    """These without limits, which hold by themselves."""
    return options if options.limits is None else replace(options, limits=None)


def _tracked(before: Generation, document: Document) -> Tracked:
    """What is counted: the same object, with its trackers, if that has not changed."""
    listed = tracked_by(document)
    return (
        before.tracked
        if listed == tracked_by(before.document)
        else before.tracked.counting(**listed)
    )


def _report(before: Document, after: Document) -> str:
    """What has changed, for people; empty if nothing has."""
    parts = []
    for section, one, other in (
        ("inbounds", before.inbounds, after.inbounds),
        ("outbounds", before.outbounds, after.outbounds),
    ):
        old: dict[str, InboundOptions | OutboundOptions] = {options.tag: options for options in one}
        new: dict[str, InboundOptions | OutboundOptions] = {
            options.tag: options for options in other
        }
        for word, tags in (
            ("new", new.keys() - old.keys()),
            ("changed", {tag for tag in new.keys() & old.keys() if new[tag] != old[tag]}),
            ("gone", old.keys() - new.keys()),
        ):
            if tags:
                parts.append(f"{section} {word}: {', '.join(sorted(tags))}")
    # Not all_users, of which there may be very many to put together.
    if (before.users, before.users_file) != (after.users, after.users_file):
        of_file = () if after.users_file is None else after.users_file.users
        parts.append(f"users changed: {len(after.users) + len(of_file)} now")
    return "".join(f"; {part}" for part in parts)
