"""What Twisted has no type for, each under a name of its own with the reason. For a type checker
they are Any, which is used nowhere else without a reason next to it.
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
"""A transport of Twisted's, or what stands in the place of one.

``ITransport`` is the least of them: how to pause one, end one direction, abort it or reach its
socket stands in interfaces of their own, or in none, and there is no type for an object with
several.
"""

AnyProtocol: TypeAlias = Any
"""A protocol of Twisted's.

What it may hear of beyond ``IProtocol``, such as half of an end, stands in interfaces of their own
that only some provide; and a wrapper hands on to it whatever it has.
"""

AnyFactory: TypeAlias = Any
"""A protocol factory: for a type checker without zope's plug-in a ``Factory`` is no
``IProtocolFactory``, and it is generic in a protocol that does not matter to who listens.
"""

AnyPort: TypeAlias = Any
"""A listening port of Twisted's, which has more than ``IListeningPort`` says, such as its socket,
and how to read it or not.
"""

AnyProducer: TypeAlias = Any
"""What is registered with a consumer to hear when to produce: an argument says whether it is an
``IPushProducer`` or an ``IPullProducer``, and ``IProducer`` has what neither has alone.
"""

AnyDeferred: TypeAlias = Deferred[Any]
"""A Deferred of something that nobody looks at, or of one thing or another: for a type checker a
``Deferred[int]`` is no ``Deferred[object]``.
"""

InlineCallbacks: TypeAlias = Generator[Deferred[Any], Any, T]
"""What a function is to be for ``inlineCallbacks``, and what it returns in the end. It may wait for
Deferreds of many types, and is sent what each comes to; a generator has one type for all of them.
"""
