"""``pipetwist check --route``: where a connection would go, and which rule says so."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipetwist.config.document import Document
    from pipetwist.config.problems import KeyPath
    from pipetwist.kinds.user_options import UserOptions
    from pipetwist.routing.rules import Network

__all__ = ["Asked", "RouteAnswer", "answer"]

_FEW = 1000  # with more names the search for a similar one would take too long
_WANTED = "write inbound=TAG, and user=NAME, source=ADDRESS and network=udp if they matter"


class Asked(NamedTuple):
    """A connection that is asked about.

    Attributes:
        inbound: the inbound's tag.
        user: the user's name; None for nobody.
        source: the client's address; empty if it has none.
        network: what it is made of; None for what the inbound takes, a stream if that is both.
    """

    inbound: str
    user: str | None = None
    source: str = ""
    network: Network | None = None

    @classmethod
    def of_words(cls, words: Iterable[str]) -> Asked:
        """Read it from a command line.

        Args:
            words: each ``KEY=VALUE``.

        Raises:
            click.UsageError: they are not that.
        """
        said: dict[str, str] = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not value or key not in cls._fields or key in said:
                message = f"--route: {word} can't be read; {_WANTED}"
                raise click.UsageError(message)
            said[key] = value
        if "inbound" not in said:
            message = f"--route: there is no inbound; {_WANTED}"
            raise click.UsageError(message)
        return cls(**cast("Any", said))  # Any: each of its own type


class RouteAnswer(NamedTuple):
    """Where a connection goes.

    Attributes:
        key_path: what says so.
        text: it for people.
        decision: it for programs: the rule's index and the outbound's tag, either of which may be
            None; None if the inbound refuses the client, which no rule sees then.
        note: what the answer depends on; empty for nothing.
    """

    key_path: KeyPath
    text: str
    decision: dict[str, object] | None
    note: str = ""


def answer(document: Document, asked: Asked) -> RouteAnswer:
    """Decide it, as the daemon would.

    Raises:
        click.UsageError: the document has no such inbound or user, or the address is none.
    """
    from pipetwist.values import quote
    from pipetwist.values.networks import find_address

    tags = [inbound.tag for inbound in document.inbounds]
    if asked.inbound not in tags:
        _unknown(f"no inbound has the tag {quote(asked.inbound)}", asked.inbound, tags)
    if asked.source and find_address(asked.source) is None:
        message = f"--route: {asked.source} is no IP address"
        raise click.UsageError(message)
    networks = document.router().networks(asked.inbound)
    if asked.network not in (None, *networks):
        message = (
            f"--route: the inbound {quote(asked.inbound)} takes no connection of the network "
            f"{quote(asked.network)}; it takes {' and '.join(map(quote, networks))}"
        )
        raise click.UsageError(message)
    index = tags.index(asked.inbound)
    users = _users(document, index)
    names = [user if isinstance(user, str) else user.name for user in users or ()]
    if asked.user is not None and asked.user not in names:
        text = f"the inbound {quote(asked.inbound)} has no user named {quote(asked.user)}"
        _unknown(text, asked.user, names)
    if users is not None and asked.user is None:
        asked = asked._replace(user=_user_by_address(users, asked.source))
        if asked.user is None:
            text = f"the inbound {quote(asked.inbound)} refuses it, since it is none of its users"
            return RouteAnswer(("inbounds", index), text, None, "user=NAME says whose it is")
    return _decide(document, asked)


def _decide(document: Document, asked: Asked) -> RouteAnswer:
    from pipetwist.values import quote

    router = document.router()
    decision = router.decide(*asked)
    key_path: KeyPath
    if decision.rule is not None:
        key_path = ("route", "rules", decision.rule)
        rule = f"route.rules[{decision.rule}]"
        text = (
            f"{rule} rejects it"
            if decision.outbound is None
            else f"{rule} sends it to the outbound {quote(decision.outbound)}"
        )
    elif document.route.final is not None:
        key_path = ("route", "final")
        text = f"no rule matches it; route.final sends it to the outbound {quote(document.final)}"
    else:
        key_path = ("outbounds", 0)
        text = f"no rule matches it; it goes to the first outbound, {quote(document.final)}"
    passed = document.route.rules[: None if decision.rule is None else decision.rule + 1]
    asking = next(
        (
            number
            for number, rule in enumerate(passed)
            if rule.looks_at_sources and (rule.inbound is None or asked.inbound in rule.inbound)
        ),
        None,
    )
    note = (
        f"route.rules[{asking}] asks for the client's address; without source=ADDRESS it has none, "
        "as by a unix socket"
        if asking is not None and not asked.source
        else ""
    )
    if asked.network is None and any(
        router.decide(*asked._replace(network=network)) != decision
        for network in router.networks(asked.inbound)
    ):
        other = "without network=udp it is a stream; datagrams go elsewhere"
        note = f"{note}; {other}" if note else other
    return RouteAnswer(key_path, text, decision._asdict(), note)


def _users(document: Document, index: int) -> Sequence[UserOptions | str] | None:
    """Who may come in at an inbound; None for everybody."""
    users = getattr(document.inbounds[index], "users", None)
    if isinstance(users, str):  # all of them
        return document.all_users
    if users is None:
        return None
    known = {user.name: user for user in reversed(document.all_users)}
    return [known.get(user, user) if isinstance(user, str) else user for user in users]


def _user_by_address(users: Sequence[UserOptions | str], source: str) -> str | None:
    """The user who is known by the address alone."""
    from pipetwist.values.networks import Networks, find_address

    address = find_address(source)
    for user in users:
        if (
            address is not None
            and not isinstance(user, str)
            and list(user.known_by) == ["source"]
            and address in Networks(user.source or ())
        ):
            return user.name
    return None


def _unknown(text: str, name: str, known: Sequence[str]) -> None:
    from pipetwist.values import quote

    near = get_close_matches(name, known, 1) if len(known) <= _FEW else ()
    message = f"--route: {text}" + (f"; did you mean {quote(near[0])}?" if near else "")
    raise click.UsageError(message)
