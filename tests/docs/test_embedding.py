"""The programs of docs/embedding.md, run as they stand there."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT, blocks
from tests.support.programs import output_of
from tests.support.terminal import Terminal

_DOCUMENT = "docs/embedding.md"
_WHAT_IS_LOADED = "What is loaded"


_SECTIONS = {
    "test_tree": "The whole tree",
    "test_asyncio": "In an asyncio program",
    "test_klein": "In a Klein program",
    "test_observing": "Observing connections",
    "test_counting": "Counting your own server",
    "test_serving": "Serving your own counters",
    "test_command": "A command as a client endpoint",
    "test_outbound": "Your own outbound",
    "test_kinds": "Your own kinds",
    "test_storage": "Counters in a file",
    "test_store": "Your own counter store",
    "test_testing": "Testing",
}


class EmbeddingTest(SynchronousTestCase):
    """The programs are saved under their names, and the commands that are shown give what is
    shown.
    """

    def test_sections(self) -> None:
        """Every section with blocks is tried here or below."""
        self.assertEqual(
            {block.heading for block in blocks(_DOCUMENT)}, {*_SECTIONS.values(), _WHAT_IS_LOADED}
        )

    def test_tree(self) -> None:
        """The whole tree relays in a program of one's own, from a file and built by hand, with the
        API.
        """
        self.type_section()

    def test_asyncio(self) -> None:
        """A relay runs on the loop of an asyncio program, which is its client as well."""
        self.type_section()

    def test_klein(self) -> None:
        """A relay runs in a Klein program, which shows what it has."""
        self.type_section()

    def test_observing(self) -> None:
        """A program is told of every connection."""
        self.type_section()

    def test_counting(self) -> None:
        """A program's own server is counted."""
        self.type_section()

    def test_serving(self) -> None:
        """A program's own counters are served to V2Ray's tool."""
        self.type_section()

    def test_command(self) -> None:
        """A protocol is connected with a command."""
        self.type_section()

    def test_outbound(self) -> None:
        """The relay carries connections to an outbound of a program's own."""
        self.type_section()

    def test_kinds(self) -> None:
        """A configuration names kinds of inbound and outbound that a program has brought along."""
        self.type_section()

    def test_storage(self) -> None:
        """Counters in a file outlive a program, killed or not."""
        self.type_section()

    def test_store(self) -> None:
        """The tree counts in a store of a program's own."""
        self.type_section()

    def test_testing(self) -> None:
        """The fakes stand in for commands in a program's tests."""
        self.type_section()

    def type_section(self) -> None:
        """Save every program of the document, and type the commands of this test's section."""
        terminal = Terminal(self)
        for block in blocks(_DOCUMENT):
            if block.name is not None:
                terminal.save(block)
        for block in blocks(_DOCUMENT):
            if block.heading == _SECTIONS[self._testMethodName] and block.language == "console":
                terminal.type(block)


class InterfacesTest(SynchronousTestCase):
    """What the programs say that they provide."""

    def test_providers(self) -> None:
        """Every class of theirs that provides an interface of pipetwist's, and every object of one,
        has what it names.
        """
        terminal = Terminal(self)
        programs = [
            block
            for block in blocks(_DOCUMENT)
            if block.name is not None and "@implementer(I" in block.text
        ]
        for block in programs:
            terminal.save(block)
        names = [block.name for block in programs if block.name is not None]
        said = output_of("-c", _VERIFYING, *(str(terminal.folder / name) for name in names))
        self.assertEqual(
            sorted(said.split()), ["Bill", "FewInbound", "Turns", "TurnsOutbound", "turns"]
        )


_VERIFYING = """
import inspect, runpy, sys
from zope.interface import implementedBy, providedBy
from zope.interface.verify import verifyClass, verifyObject
for program in sys.argv[1:]:
    for name, named in runpy.run_path(program).items():
        kind = named if inspect.isclass(named) else type(named)
        if kind.__module__ != "<run_path>":
            continue
        for interface in implementedBy(kind):
            if interface.__module__.startswith("pipetwist."):
                verifyClass(interface, named) if inspect.isclass(named) else verifyObject(interface, named)
                print(name)
"""  # noqa: E501  # another language's text


class LoadingTest(SynchronousTestCase):
    """What each module loads."""

    def test_table(self) -> None:
        """Each module loads what the table says, after those above it, and none of the other
        packages that pipetwist can use.
        """
        rows = dict(
            re.findall(
                r"^\| `(pipetwist[\w.]+)` \| (.*?) \|$",
                (ROOT / _DOCUMENT).read_text(encoding="utf-8"),
                re.MULTILINE,
            )
        )
        said = output_of("-c", _PROGRAM, *rows)
        loaded = {line.split()[0]: set(line.split()[1:]) for line in said.splitlines()}
        expected = {
            module: set() if cell.startswith("nothing") else set(re.findall(r"`([\w.]+)`", cell))
            for module, cell in rows.items()
        }
        self.assertGreater(len(rows), 5)
        self.assertEqual(loaded, expected)

    def test_command(self) -> None:
        """The command that shows it shows it."""
        terminal = Terminal(self)
        (block,) = (block for block in blocks(_DOCUMENT) if block.heading == _WHAT_IS_LOADED)
        terminal.type(block)


_PROGRAM = """
import importlib, sys
heavy = {"click", "google.protobuf", "grpc", "json5", "pydantic", "re2"}
before = set()
for module in sys.argv[1:]:
    importlib.import_module(module)
    print(module, *(heavy & set(sys.modules) - before))
    before = set(sys.modules)
"""
