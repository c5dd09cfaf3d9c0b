"""Type checkers know what programs take of pipetwist, without a plug-in for zope's interfaces."""

from __future__ import annotations

import atexit
import inspect
import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass, Method

from pipetwist import embed, interfaces
from tests.support.peers import need

_PROGRAM = Path(__file__).parent / "interfaces" / "embedding.py"
_SECONDS = 500


class CheckersTest(SynchronousTestCase):
    """A program that embeds each piece."""

    def test_mypy(self) -> None:
        """Mypy has nothing to say against it, however strict; but what Twisted leaves without types
        may be called.
        """
        said = self.mypy(_PROGRAM.read_text(encoding="utf-8"))
        self.assertEqual(said, "Success: no issues found in 1 source file\n")

    def test_pyright(self) -> None:
        """Nor has pyright."""
        self.assertEqual(self.pyright(_PROGRAM.read_text(encoding="utf-8")), [])

    def test_mistakes(self) -> None:
        """Both would: of what does not fit they say so."""
        text = (
            "from pipetwist.embed import Tracked\n\nTracked(5).tracker('in', 'out', "
            "None).uplink('three')\n"
        )
        said = self.mypy(text)
        for rule in ("arg-type", "union-attr"):
            self.assertIn(rule, said)
        self.assertEqual(
            set(self.pyright(text)), {"reportArgumentType", "reportOptionalMemberAccess"}
        )

    def program(self, text: str) -> str:
        """Save one where no configuration of pipetwist's is seen."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[tool.basedpyright]\ntypeCheckingMode = "standard"\n', encoding="utf-8"
        )
        path = folder / "program.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def mypy(self, text: str) -> str:
        """What mypy says of a program."""
        path = Path(self.program(text))
        command = [
            need("mypy"),
            "--strict",
            "--config-file=",
            f"--cache-dir={_mypy_cache()}",
            "--untyped-calls-exclude=twisted",
            path.name,
        ]
        return _said(command, path.parent).stdout

    def pyright(self, text: str) -> list[str]:
        """The rules that pyright finds broken in a program. It is basedpyright's, which has its own
        node and fetches nothing.
        """
        path = self.program(text)
        command = [
            need("basedpyright"),
            "--outputjson",
            "--pythonpath",
            sys.executable,
            "--project",
            str(Path(path).parent),
            path,
        ]
        said = json.loads(_said(command, Path(path).parent).stdout)
        self.assertEqual(said["summary"]["filesAnalyzed"], 1)
        return [
            found["rule"] for found in said["generalDiagnostics"] if found["severity"] == "error"
        ]


class EmbedTest(SynchronousTestCase):
    """The module with all that is stable."""

    def test_names(self) -> None:
        """Every name in it is there, and nothing else is."""
        for name in embed.__all__:
            self.assertTrue(hasattr(embed, name), name)
        self.assertRaises(AttributeError, lambda: embed.nothing_of_the_kind)

    def test_light(self) -> None:
        """It loads nothing of a whole configuration, of gRPC or of pydantic, and sets nothing in
        the environment, until that is needed.
        """
        heavy = {"grpc", "pydantic", "twisted.web", "pipetwist.api", "pipetwist.config"}
        program = (
            f"import os, sys; before = dict(os.environ); import pipetwist.embed; print(*({heavy} "
            "& set(sys.modules)), before == os.environ)"
        )
        self.assertEqual(_said([sys.executable, "-c", program]).stdout, "True\n")


class FacesTest(SynchronousTestCase):
    """An interface and its protocol for type checkers."""

    def test_same(self) -> None:
        """Both name the same, called with as many arguments."""
        faces = [name.removesuffix("Like") for name in interfaces.__all__ if name.endswith("Like")]
        self.assertIn("Side", faces)
        for face in faces:
            interface: InterfaceClass = getattr(interfaces, f"I{face}")
            protocol: Any = getattr(interfaces, f"{face}Like")
            described = dict(interface.namesAndDescriptions(all=True))
            names = {
                name
                for name in (*vars(protocol), *inspect.get_annotations(protocol))
                if not name.startswith("_")
            }
            self.assertEqual(names, set(described), face)
            for name, named in described.items():
                if isinstance(named, Method):
                    parameters = list(inspect.signature(getattr(protocol, name)).parameters)[1:]
                    self.assertEqual(
                        parameters,
                        list(named.getSignatureInfo()["positional"]) + _keywords(named),
                        f"{face}.{name}",
                    )


@cache
def _mypy_cache() -> str:
    """A folder in which mypy keeps what it has read of Twisted for the next test."""
    folder = tempfile.mkdtemp(prefix="pt-")
    atexit.register(shutil.rmtree, folder)
    return folder


def _keywords(named: Method) -> list[str]:
    # zope knows of no parameter that is given by its name alone.
    return ["whole"] if named.getName() == "lost" else []


def _said(command: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
