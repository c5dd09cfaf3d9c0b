"""Looks up the system's users and groups by name. The system may query a server such as LDAP's for
them (nsswitch.conf(5)), which takes as long as that server does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from twisted.internet.defer import Deferred, succeed

from pipetwist.errors import StartError

if TYPE_CHECKING:
    import pwd

__all__ = ["Account", "Accounts"]

Account: TypeAlias = tuple[Literal["user", "group"], str]
"""Whether it is a user or a group, and its name."""

Entry: TypeAlias = Any
"""The system's entry of a user or of a group, or None; the account's kind decides which."""

# How long a reload waits for the system.
MAX_SECONDS = 10.0
_LATE = "the system has not answered in time who the {kind} {name!r} is"
_NO_THREAD = "the {kind} {name!r} can't be looked up: this process may have no more threads"
_UNKNOWN = "the system has no {kind} {name!r}"


def _run(call: Callable[[], None]) -> None:
    call()


class Accounts:
    """Looks up users and groups. A start blocks until the system has answered; a reload looks them
    up in threads before it changes anything.

    Args:
        reactor: the reactor, in whose thread results arrive; None if `learn` is not used.
        start_thread: calls a function in a thread that nothing ever waits for; raises RuntimeError
            if there can be none. Without it `learn` blocks.
        look_up: looks up an account; returns the system's entry, or None if there is none.
    """

    def __init__(
        self,
        reactor: Any = None,  # Twisted has no type for one
        start_thread: Callable[[Callable[[], None]], None] = _run,
        look_up: Callable[[Account], Entry] | None = None,
    ) -> None:
        self._reactor = reactor
        self._start_thread = start_thread
        self._look_up = look_up or _look_up
        self._running: set[Account] = set()
        self._known: dict[Account, Entry] = {}  # an entry, None, or why it is not known
        self._learning: Deferred[None] | None = None

    def __repr__(self) -> str:
        return f"<Accounts known={list(self._known)} running={list(self._running)}>"

    def user(self, label: str, name: str) -> pwd.struct_passwd:
        """Find a user, and block unless it was learnt.

        Args:
            label: which key names the user, for errors.
            name: the user's name.

        Raises:
            StartError: the system has no such user, or has not answered in time.
        """
        return self._find(label, ("user", name))  # type: ignore[no-any-return]  # what pwd returns

    def numbers_of(
        self, label: str, owner: str | int | None, group: str | int | None
    ) -> tuple[int, int]:
        """Find the IDs of an owner and a group, and block unless they were learnt.

        Args:
            label: whose they are, for errors.
            owner: the name or ID of a user, or None.
            group: the name or ID of a group, or None.

        Returns:
            The two IDs, as chown(2) takes them: -1 for None.

        Raises:
            StartError: the system has no such user or group, or has not answered in time.
        """
        if isinstance(owner, str):
            owner = self.user(f"{label}: owner", owner).pw_uid
        if isinstance(group, str):
            group = int(self._find(f"{label}: group", ("group", group)).gr_gid)
        return -1 if owner is None else owner, -1 if group is None else group

    def learn(self, wanted: Iterable[Account]) -> Deferred[None]:
        """Look accounts up again, and keep the results until `forget`, so that nothing blocks.

        Args:
            wanted: the accounts.

        Returns:
            A Deferred that fires when all results are there, or after `MAX_SECONDS`. It never
            fails; an account without a result is an error only where it is used.
        """
        self._known = dict.fromkeys(wanted, _LATE)
        if not self._known:
            return succeed(None)
        learning = self._learning = Deferred(lambda waiting: waiting.callback(None))
        learning.addTimeout(MAX_SECONDS, self._reactor)
        missing = [account for account in self._known if account not in self._running]
        self._running.update(missing)
        for account in missing:
            self._begin(account)
        return learning

    def forget(self) -> None:
        """Drop the results of `learn`, and stop waiting for them."""
        self._known = {}
        self.give_up()

    def give_up(self) -> None:
        """Fire the Deferred of `learn` now."""
        if self._learning is not None:
            self._learning.cancel()

    def _find(self, label: str, account: Account) -> Entry:
        found = self._known[account] if account in self._known else self._look_up(account)
        if found is None or isinstance(found, str):
            kind, name = account
            message = f"{label}: {(found or _UNKNOWN).format(kind=kind, name=name)}"
            raise StartError(message)
        return found

    def _begin(self, account: Account) -> None:
        try:
            self._start_thread(partial(self._run, account))
        except RuntimeError:  # this process may not have more threads
            self._found(account, _NO_THREAD)

    def _run(self, account: Account) -> None:
        """Runs in a thread."""
        self._reactor.callFromThread(self._found, account, self._look_up(account))

    def _found(self, account: Account, found: object) -> None:
        self._running.discard(account)
        if account in self._known:
            self._known[account] = found
        learning = self._learning
        if learning is not None and not self._known.keys() & self._running:
            self._learning = None
            if not learning.called:
                learning.callback(None)


def _look_up(account: Account) -> Entry:
    import grp  # there are none on Windows, where this is not called
    import pwd

    kind, name = account
    try:
        return pwd.getpwnam(name) if kind == "user" else grp.getgrnam(name)
    except (KeyError, ValueError):  # the latter for what can't be a name
        return None
