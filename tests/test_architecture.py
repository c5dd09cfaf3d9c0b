"""Holds the package to `docs/architecture.md`: the rooms that it lists, and who may import whom by
its table.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import pipetwist

_PACKAGE = Path(pipetwist.__file__).parent
_DOCUMENT = _PACKAGE.parent / "docs" / "architecture.md"
_MAX_LINES = 300
_VAGUE_NAMES = {
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "util",
    "utilities",
    "utils",
}


@dataclass(frozen=True)
class Import:
    """One import of one module, as it is written.

    Args:
        module: the module that imports.
        name: what it imports, with the package or module that it takes it from.
    """

    module: str
    name: str


@dataclass(frozen=True)
class Room:
    """A row of the document's table.

    Args:
        ours: the rooms that it may import.
        others: the packages and modules of others that it may import.
    """

    ours: frozenset[str]
    others: frozenset[str]


_NOTHING = Room(frozenset(), frozenset())


@cache
def _sources() -> dict[str, Path]:
    """Every module of the package that is written by hand, by its name."""
    files = [path for path in _PACKAGE.rglob("*.py") if not path.stem.endswith("_pb2")]
    return {
        ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in files
    }


def _imports(module: str, text: str) -> Iterator[Import]:
    """What a module imports, in functions and for a type checker too, but not from the language's
    own library.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                yield Import(module, name)


@cache
def _all_imports() -> list[Import]:
    """What all the modules of the package import."""
    return [
        one
        for module, path in _sources().items()
        for one in _imports(module, path.read_text(encoding="utf-8"))
    ]


def _room(name: str) -> str | None:
    """The room of a module or of something in it, the folder or the file below the package; None
    for the package itself and for others.
    """
    parts = name.split(".")
    if parts[0] != "pipetwist" or len(parts) == 1:
        return None
    place = _PACKAGE / parts[1]
    return parts[1] if place.is_dir() or place.with_suffix(".py").exists() else None


def _table() -> dict[str, Room]:
    """The document's table of rooms: room, what is in it, what it may import of ours, and of
    others.
    """
    rooms = {}
    for line in _DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            ours, others = (frozenset(re.findall(r"`([\w.]+)`", cell)) for cell in cells[2:])
            rooms[cells[0].strip("`")] = Room(ours, others)
    return rooms


def _is_there(name: str) -> bool:
    """Whether there is a module of this name, or something in one."""
    parts, modules = name.split("."), set(_sources())
    module = next(
        ".".join(parts[:count])
        for count in range(len(parts), 0, -1)
        if ".".join(parts[:count]) in modules
    )
    rest = parts[module.count(".") + 1 :]
    return module != "pipetwist" and (not rest or hasattr(import_module(module), rest[0]))


class ArrowsTest(SynchronousTestCase):
    """Who imports whom."""

    def setUp(self) -> None:
        """Read the table and the imports."""
        self.table = _table()
        self.imports = _all_imports()

    def test_every_room_is_in_the_table(self) -> None:
        """The table has a row for each room of the package, and none for a room that is not
        there.
        """
        self.assertEqual(set(self.table), {_room(module) for module in _sources()} - {None})

    def test_arrows(self) -> None:
        """Every import between rooms is in the table."""
        strays = []
        for one in self.imports:
            here, there = _room(one.module), _room(one.name)
            if here is None or there is None or here == there:
                continue
            row = self.table.get(here, _NOTHING)
            if there not in row.ours:
                strays.append(f"{one.module} imports {one.name}")
        self.assertEqual(strays, [])

    def test_arrows_of_others(self) -> None:
        """Every import of a package of others is in the table."""
        strays = []
        for one in self.imports:
            here = _room(one.module)
            allowed = self.table.get(here or "", _NOTHING).others
            if not one.name.startswith("pipetwist.") and not any(
                one.name.startswith(f"{name}.") or one.name == name for name in allowed
            ):
                strays.append(f"{one.module} imports {one.name}")
        self.assertEqual(strays, [])

    def test_no_unused_arrow(self) -> None:
        """The table allows no import between rooms that nobody makes: the picture shows what is
        there.
        """
        made = {(_room(one.module), _room(one.name)) for one in self.imports}
        allowed = {(here, there) for here, row in self.table.items() for there in row.ours}
        self.assertEqual(allowed - made, set())

    def test_order(self) -> None:
        """A room imports only rooms that stand above it in the table, so that imports run in no
        circle.
        """
        rows = list(self.table)
        downward = [
            (here, there)
            for here, row in self.table.items()
            for there in row.ours
            if rows.index(there) >= rows.index(here)
        ]
        self.assertEqual(downward, [])

    def test_named(self) -> None:
        """Every file and module of the package that the document names is there, and what it names
        in a module as well.
        """
        text = _DOCUMENT.read_text(encoding="utf-8")
        paths = [
            path
            for path in re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", text)
            if path.split("/")[0] in self.table
        ]
        names = [
            name
            for name in re.findall(r"`(\w+\.[\w.]+)`", text)
            if name.split(".")[0] in self.table
        ]
        self.assertGreater(min(len(paths), len(names)), 5)
        self.assertEqual([path for path in paths if not (_PACKAGE / path).exists()], [])
        self.assertEqual([name for name in names if not _is_there(f"pipetwist.{name}")], [])

    def test_circles(self) -> None:
        """No module leads back to itself by what it imports, those things included that it imports
        for a type checker alone.
        """
        modules = set(_sources())
        leads: dict[str, set[str]] = {module: set() for module in modules}
        for one in self.imports:
            there = one.name if one.name in modules else one.name.rpartition(".")[0]
            if there in modules - {"pipetwist"}:
                leads[one.module].add(there)
        # What leads to nobody else can be in no circle, and so on with what is left.
        left = set(modules)
        while ends := {module for module in left if not leads[module] & left}:
            left -= ends
        self.assertEqual(left, set())

    def test_global_reactor(self) -> None:
        """Only the tap imports the global reactor."""
        importers = {one.module for one in self.imports if one.name == "twisted.internet.reactor"}
        self.assertEqual(importers, {"pipetwist.tap"})


class ModulesTest(SynchronousTestCase):
    """The modules, each for itself."""

    def test_length(self) -> None:
        """No module has more than 300 lines."""
        lines = {
            module: len(path.read_text(encoding="utf-8").splitlines())
            for module, path in _sources().items()
        }
        self.assertEqual(
            {module: count for module, count in lines.items() if count > _MAX_LINES}, {}
        )

    def test_names(self) -> None:
        """No module has a name that says nothing."""
        self.assertEqual(
            [module for module in _sources() if _VAGUE_NAMES & set(re.split(r"[._]", module))], []
        )

    def test_docstrings(self) -> None:
        """Every module begins by saying what is in it."""
        silent = [
            module
            for module, path in _sources().items()
            if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        ]
        self.assertEqual(silent, [])


class TypesTest(SynchronousTestCase):
    """What has no type."""

    def test_any(self) -> None:
        """``Any`` stands only with its reason: in a comment on its line, or in the docstring of an
        alias.
        """
        silent = [
            f"{module}:{line}"
            for module, path in _sources().items()
            for line in sorted(_unexplained(path.read_text(encoding="utf-8")))
        ]
        self.assertEqual(silent, [])

    def test_unexplained(self) -> None:
        """A comment for a checker is no reason, nor is one on another line; an alias without a
        docstring has none either, and words in a text need none.
        """
        text = (
            "from typing import Any, TypeAlias, cast\n"
            "one: Any  # noqa: X\n"
            "two: Any  # a reason\n"
            'three = cast("list[Any]", 3)\n'
            "Four: TypeAlias = Any\n"
            "Five: TypeAlias = list[Any]\n"
            '"""A reason."""\n'
            'six = "Any"\n'
        )
        self.assertEqual(_unexplained(text), {2, 4, 5})


def _unexplained(text: str) -> set[int]:
    """The lines of a module that have ``Any`` without a reason."""
    tree = ast.parse(text)
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and _is_any(node)}
    reasons = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and not re.match("# (noqa|type):", token.string)
    }
    for before, after in pairwise(tree.body):
        if (
            isinstance(before, ast.AnnAssign)
            and ast.unparse(before.annotation) == "TypeAlias"
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            reasons.add(before.lineno)
    return lines - reasons


def _is_any(node: ast.expr) -> bool:
    """Whether it is ``Any``, or a cast to it that is written as a text."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "cast":
        return re.search(r"\bAny\b", ast.unparse(node.args[0])) is not None
    return isinstance(node, ast.Name) and node.id == "Any"


class LoadingTest(SynchronousTestCase):
    """What is loaded when a program imports one module."""

    def test_counting(self) -> None:
        """A program that counts its own traffic loads neither grpc nor pydantic, and no
        configuration.
        """
        counting = (
            "pipetwist.stats.counting",
            "pipetwist.stats.counters",
            "pipetwist.stats.tracking",
            "pipetwist.storage.store",
        )
        self.assertEqual(_loaded(*counting), set())

    def test_relay(self) -> None:
        """A program that builds a relay of inbounds and outbounds loads neither grpc nor
        pydantic.
        """
        self.assertEqual(
            _loaded(
                "pipetwist.relay.relay",
                "pipetwist.inbounds.registry",
                "pipetwist.outbounds.registry",
            ),
            set(),
        )

    def test_embedding(self) -> None:
        """A program that builds the whole tree from a configuration object without the API loads
        neither grpc nor pydantic nor the web.
        """
        self.assertEqual(_loaded("pipetwist.service.tree"), set())


def _loaded(*modules: str) -> set[str]:
    """Which of the heavy packages come along with these modules, in a process of its own."""
    heavy = {
        "grpc",
        "proxyprotocol",
        "prometheus_client",
        "twisted.web",
        "google.protobuf",
        "pydantic",
        "re2",
        "json5",
        "click",
        "twisted.internet.reactor",
    }
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return heavy & set(said.stdout.split())
