"""Kinds that an embedding program has registered, for the process that reads the configuration."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.kinds.registry import AnyRegistry
from pipetwist.outbounds.registry import OUTBOUNDS

__all__ = ["can_be_imported", "is_ours", "register_named", "said"]

_REGISTRIES: Mapping[str, AnyRegistry] = {
    registry.noun: registry for registry in (INBOUNDS, OUTBOUNDS)
}


def said() -> str:
    """All of them, in the form for `register_named`: the noun, the module and the name of each."""
    return json.dumps(
        [
            (noun, _module(kind), _name(kind))
            for noun, registry in _REGISTRIES.items()
            for kind in registry.added()
        ]
    )


def can_be_imported() -> bool:
    """Whether another process can import them: it can't if a kind is defined in a script, whose
    module has another name there, or in a function.
    """
    kinds = [kind for registry in _REGISTRIES.values() for kind in registry.added()]
    return all(
        _module(kind) != "__main__"
        and getattr(sys.modules.get(_module(kind)), _name(kind), None) is kind
        for kind in kinds
    )


def register_named(named: str) -> None:
    """Import and register them, unless their modules register them."""
    for noun, module, name in json.loads(named):
        kind = getattr(import_module(module), name)
        if kind not in _REGISTRIES[noun].added():
            _REGISTRIES[noun].register(kind)


def is_ours(module: str) -> bool:
    """Whether this module defines options of kinds."""
    foreign = {
        kind.Options.__module__ for registry in _REGISTRIES.values() for kind in registry.added()
    }
    return module.partition(".")[0] == "pipetwist" or module in foreign


def _module(kind: Any) -> str:  # a class, which Kind can't declare
    module: str = kind.__module__
    return module


def _name(kind: Any) -> str:  # a class, which Kind can't declare
    name: str = kind.__qualname__
    return name
