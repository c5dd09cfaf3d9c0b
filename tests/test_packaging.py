"""What an installation gets: the wheel's files, and a twistd that knows the plugin."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

from twisted.trial.unittest import SynchronousTestCase

import pipetwist

_ROOT = Path(pipetwist.__file__).parent.parent
_PLUGIN = Path("twisted/plugins/pipetwist_plugin.py")


class WheelTest(SynchronousTestCase):
    """A wheel made from a copy of the sources, and unpacked."""

    def setUp(self) -> None:
        """Make the wheel and unpack it."""
        folder = Path(self.mktemp()).absolute()
        sources = folder / "sources"
        sources.mkdir(parents=True)
        for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(_ROOT / name, sources)
        for name in ("pipetwist", "twisted", "man"):
            shutil.copytree(
                _ROOT / name,
                sources / name,
                ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"),
            )
        made = _python(
            f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})", sources
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        (wheel,) = folder.glob("*.whl")
        self.installed = folder / "installed"
        with ZipFile(wheel) as archive:
            self.names = set(archive.namelist())
            archive.extractall(self.installed)

    def test_files(self) -> None:
        """The wheel has every module, its types, the examples, the page and the plugin, and nothing
        else outside its metadata.
        """
        package = {
            path.relative_to(_ROOT).as_posix()
            for path in (_ROOT / "pipetwist").rglob("*.py*")
            if path.suffix in {".py", ".pyi"}
        }
        shapes = {
            path.relative_to(_ROOT).as_posix()
            for path in (_ROOT / "pipetwist" / "cli" / "shapes").iterdir()
        }
        page = {
            path.relative_to(_ROOT).as_posix()
            for path in (_ROOT / "pipetwist" / "page" / "assets").iterdir()
        }
        self.assertIn("pipetwist/page/assets/uPlot.LICENSE", page)
        expected = package | shapes | page | {"pipetwist/py.typed", _PLUGIN.as_posix()}
        self.assertEqual(
            {name for name in self.names if ".dist-info/" not in name and ".data/" not in name},
            expected,
        )

    def test_manual_pages(self) -> None:
        """The wheel puts the manual pages where man(1) looks beside the commands, and nothing else
        there.
        """
        data = {name.partition(".data/")[2] for name in self.names if ".data/" in name}
        self.assertEqual(
            data, {"data/share/man/man1/pipetwist.1", "data/share/man/man5/pipetwist.json.5"}
        )

    def test_twisted_stays_whole(self) -> None:
        """The wheel puts one file into Twisted's folder of plugins, and no ``__init__.py``."""
        self.assertEqual(
            {name for name in self.names if name.startswith("twisted/")}, {_PLUGIN.as_posix()}
        )

    def test_license(self) -> None:
        """The wheel has the license."""
        self.assertTrue(any(name.endswith("/LICENSE") for name in self.names))

    def test_twistd(self) -> None:
        """The twistd of an environment with the wheel lists the plugin and its option."""
        said = _python(
            "from twisted.scripts.twistd import run; run()", self.installed, "pipetwist", "--help"
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("--config", said.stdout)

    def test_command(self) -> None:
        """The wheel's command ``pipetwist`` runs, from the wheel's own files."""
        entry_points = ConfigParser()
        entry_points.read(next(self.installed.glob("*.dist-info")) / "entry_points.txt")
        module, _, function = entry_points["console_scripts"]["pipetwist"].partition(":")
        said = _python(
            f"import sys; from {module} import {function}; "
            f"print(sys.modules[{module!r}].__file__); {function}()",
            self.installed,
            "--help",
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertTrue(said.stdout.startswith(str(self.installed)), said.stdout)
        for command in ("check", "schema"):
            self.assertIn(command, said.stdout)


# What is loaded of the package, and whether SIGHUP still ends the process: once the commands are
# listed, and once ours was chosen.
_LIST = """
import signal, sys
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
signal.signal(signal.SIGHUP, signal.SIG_DFL)
listed = {maker.tapname: maker for maker in getPlugins(IServiceMaker) if maker.description}
def say():
    print(sorted({name.partition(".")[0] for name in sys.modules} & {"pipetwist"}), signal.getsignal(signal.SIGHUP) == signal.SIG_DFL)
print("pipetwist" in listed)
say()
listed["pipetwist"].options
say()
"""  # noqa: E501  # another language's text


class PluginTest(SynchronousTestCase):
    """The file that twistd finds."""

    def test_imports(self) -> None:
        """The plugin names its tap by a string and imports nothing of the package: every twistd on
        the machine reads it.
        """
        tree = ast.parse((_ROOT / _PLUGIN).read_text(encoding="utf-8"))
        modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
        self.assertEqual(modules, ["twisted.application.service"])
        self.assertEqual([node for node in ast.walk(tree) if isinstance(node, ast.Import)], [])

    def test_listed(self) -> None:
        """Who only lists the commands of twistd loads nothing of the package, and does with SIGHUP
        what it did before.
        """
        said = _python(_LIST, _ROOT)
        self.assertEqual(
            said.stdout.split(), ["True", "[]", "True", "['pipetwist']", "False"], said.stderr
        )

    def test_no_package(self) -> None:
        """The folders around the plugin are no packages, or they would hide Twisted."""
        self.assertEqual(list((_ROOT / "twisted").rglob("__init__.py")), [])


class FragmentsTest(SynchronousTestCase):
    """The news of the next version."""

    def test_names(self) -> None:
        """Every file of changelog.d is of a kind that a release gathers; another kind would be lost
        without a word.
        """
        kinds = {"added", "changed", "fixed", "removed"}
        files = [
            path.name for path in (_ROOT / "changelog.d").iterdir() if path.name != "README.md"
        ]
        self.assertEqual(
            [
                name
                for name in files
                if name.split(".")[-2:] not in [[kind, "md"] for kind in kinds]
            ],
            [],
        )


def _python(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, whose modules it finds first."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
