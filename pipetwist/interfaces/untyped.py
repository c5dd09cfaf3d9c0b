"""What Twisted has no type for, each under a name of its own and with the reason. For type checkers
these are Any; elsewhere it is used only with a reason next to it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

from twisted.internet.defer import Deferred

__all__ = [
    "AnyDeferred",
    "AnyFactory",
    "AnyPort",
    "AnyProducer",
    "AnyProtocol",
    "AnyReactor",
    "AnyTransport",
    "InlineCallbacks",
]

T = TypeVar("T")

AnyReactor: TypeAlias = Any
"""A reactor of Twisted's.

Twisted has no type for one: it has an interface for each thing that a reactor may do, and none for
all of them; which ones are used here depends on the reactor. For a type checker without zope's
plug-in not even a ``Clock`` is an ``IReactorTime``.
"""

AnyTransport: TypeAlias = Any
"""A transport of Twisted's, or a wrapper of one.

``ITransport`` declares only the basics: pausing, half-closing, aborting and the socket belong to
other interfaces, or to none, and Python has no type for an object that provides several.
"""

AnyProtocol: TypeAlias = Any
"""A protocol of Twisted's.

Optional callbacks, such as for a half-close, belong to interfaces that only some protocols provide;
and a wrapper forwards whatever its protocol has.
"""

AnyFactory: TypeAlias = Any
"""A protocol factory. For a type checker without zope's plug-in a ``Factory`` is not an
``IProtocolFactory``, and it is generic in its protocol, which does not matter to its users.
"""

AnyPort: TypeAlias = Any
"""A listening port of Twisted's, which has more than ``IListeningPort`` declares: it can be paused,
for example.
"""

AnyProducer: TypeAlias = Any
"""A producer that is registered with a consumer. Another argument says whether it is an
``IPushProducer`` or an ``IPullProducer``; ``IProducer`` lacks methods of both.
"""

AnyDeferred: TypeAlias = Deferred[Any]
"""A Deferred whose result is not used, or is of one of several types: a ``Deferred[int]`` is not a
``Deferred[object]``.
"""

InlineCallbacks: TypeAlias = Generator[Deferred[Any], Any, T]
"""The return type of a generator for ``inlineCallbacks``, with the type of its final result. It
yields Deferreds of different types and is sent their results; a generator has one type for all.
"""
