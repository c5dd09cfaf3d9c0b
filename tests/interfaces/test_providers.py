"""Everybody who says that it provides an interface of pipetwist's has all that the interface
names.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass, verifyObject

import pipetwist
from pipetwist import interfaces
from pipetwist.stats.tracking import Tracker
from tests.interfaces.makers import Makers

# Its methods are made for the counters of each, and stand in the object.
_MADE_FOR_EACH = {Tracker}


def _ours() -> list[InterfaceClass]:
    return [named for named in vars(interfaces).values() if isinstance(named, InterfaceClass)]


def _classes() -> Iterator[type]:
    """Every class in the package that provides an interface of pipetwist's."""
    for found in pkgutil.walk_packages(pipetwist.__path__, "pipetwist."):
        for named in vars(import_module(found.name)).values():
            if (
                inspect.isclass(named)
                and named.__module__ == found.name
                and any(map(implementedBy(named).isOrExtends, _ours()))
            ):
                yield named


class ProvidersTest(SynchronousTestCase):
    """All of them: they are found in the package."""

    def test_every_provider(self) -> None:
        """Each class, and one of each, has what its interfaces name, called as they say."""
        made = Makers(self).made
        classes = set(_classes())
        self.assertEqual(classes, set(made), "makers.py makes one of each class that is there")
        for kind, one in made.items():
            for interface in implementedBy(kind):
                verifyObject(interface, one)
                if kind not in _MADE_FOR_EACH:
                    verifyClass(interface, kind)

    def test_every_interface(self) -> None:
        """There is no interface that nobody provides."""
        classes = list(_classes())
        self.assertEqual(
            [
                one.__name__
                for one in _ours()
                if not any(one.implementedBy(kind) for kind in classes)
            ],
            [],
        )
