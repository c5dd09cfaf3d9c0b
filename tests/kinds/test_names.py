"""Who knows a kind by its name: its own file and the registry, and nobody else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.outbounds.registry import OUTBOUNDS

_PACKAGE = Path(pipetwist.__file__).parent
_KINDS = [*INBOUNDS, *OUTBOUNDS]
_TYPES = {*INBOUNDS.types(), *OUTBOUNDS.types()}
_CLASSES = {one.__name__ for kind in _KINDS for one in (kind, kind.Options)}
_HOMES = {kind.__module__ for kind in _KINDS} | {
    "pipetwist.inbounds.registry",
    "pipetwist.outbounds.registry",
}
_HANDED_ON = {"pipetwist.embed"}
"""Where programs find what there is."""
_OTHER_THINGS = {
    "pipetwist.values.bind_address": "what a port is of, as the system says it",
    "pipetwist.values.addresses": "how a peer is shown that has no address",
    "pipetwist.network.endpoint_kinds": "Twisted's own names of its kinds of endpoints",
    "pipetwist.values.endpoint_string": "Twisted's own names of its kinds of endpoints",
    "pipetwist.routing.rules": "sing-box's names of what a connection is made of",
    "pipetwist.inbounds.credentials": "how a peer is shown of which the system says nothing",
    "pipetwist.inbounds.listening": "how a peer is shown that has no address",
    "pipetwist.values.trusted_proxies": "how proxies are written that have no address",
    "pipetwist.cli.init": "the names of examples",
    "pipetwist.service.asking_again": "how a peer is shown that has no address",
}
"""Modules where a text that is a type's name is the name of something else, and of what."""


def _named(text: str) -> Iterator[str]:
    """Every type and every class of a kind that a module names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _TYPES:
            yield repr(node.value)
        elif isinstance(node, ast.Name) and node.id in _CLASSES:
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name in _CLASSES)


class NamesTest(SynchronousTestCase):
    """The package's modules."""

    def setUp(self) -> None:
        """Look through all of them."""
        self.named = {}
        for path in _PACKAGE.rglob("*.py"):
            module = ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts)
            found = sorted(set(_named(path.read_text(encoding="utf-8"))))
            if found:
                self.named[module] = found

    def test_nobody_else(self) -> None:
        """No module outside a kind's own file and the registry names a type, or a class of a
        kind.
        """
        self.assertEqual(
            {
                module: found
                for module, found in self.named.items()
                if module not in {*_HOMES, *_HANDED_ON, *_OTHER_THINGS}
            },
            {},
        )

    def test_other_things(self) -> None:
        """What is let pass names no class of a kind, and there is none that need not be."""
        for module in _OTHER_THINGS:
            self.assertEqual([name for name in self.named[module] if name in _CLASSES], [])

    def test_own(self) -> None:
        """Each kind is named in its own file, so that this would find it elsewhere."""
        for kind in _KINDS:
            (type_,) = get_args(get_type_hints(kind.Options)["type"])
            self.assertLessEqual(
                {repr(type_), kind.Options.__name__}, set(self.named[kind.__module__])
            )
