"""The type of a reactor, for type checkers."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["AnyReactor"]

AnyReactor: TypeAlias = Any
"""A reactor of Twisted's.

Twisted has no type for one: it has an interface for each thing that a reactor may do, and none for
all of them; which ones are used here depends on the reactor. For a type checker without zope's
plug-in not even a ``Clock`` is an ``IReactorTime``.
"""
