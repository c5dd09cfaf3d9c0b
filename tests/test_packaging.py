"""What an installation gets: the wheel's files, and a twistd that knows the plugin."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from configparser import ConfigParser
from email import message_from_string
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZipFile

from twisted.trial.unittest import SynchronousTestCase

import pipetwist
from tests.support.sources import copied_sources, python_in

_ROOT = Path(pipetwist.__file__).parent.parent
_PLUGIN = Path("twisted/plugins/pipetwist_plugin.py")
_PLUGINS = {
    path.relative_to(_ROOT).as_posix() for path in (_ROOT / "twisted" / "plugins").glob("*.py")
}


_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Installed(NamedTuple):
    """A wheel made from a copy of the sources, and installed.

    Attributes:
        folder: the folder of it all, which goes with this object.
        wheel: the wheel.
        names: its files.
        packages: where its modules were installed.
        share: where its other files were.
    """

    folder: TemporaryDirectory[str]
    wheel: Path
    names: set[str]
    packages: Path
    share: Path


@cache
def _install() -> Installed:
    """Make a wheel and install it, once for all tests."""
    scratch = TemporaryDirectory()
    folder = Path(scratch.name).resolve()
    made = python_in(
        f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})",
        copied_sources(folder),
    )
    assert made.returncode == 0, made.stderr
    (wheel,) = folder.glob("*.whl")
    prefix = folder / "installed"
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    done = subprocess.run(
        [sys.executable, *pip, "--ignore-installed", f"--prefix={prefix}", str(wheel)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (packages,) = prefix.glob("lib/python*/site-packages")
    with ZipFile(wheel) as archive:
        return Installed(scratch, wheel, set(archive.namelist()), packages, prefix / "share")


class WheelTest(SynchronousTestCase):
    """The wheel, and what it installs."""

    def setUp(self) -> None:
        """Install it."""
        _, self.wheel, self.names, self.installed, self.share = _install()

    def test_files(self) -> None:
        """The wheel has every module, its types, the examples, the page and the plugins, and
        nothing else outside its metadata.
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
        expected = package | shapes | page | {"pipetwist/py.typed", *_PLUGINS}
        self.assertEqual(
            {name for name in self.names if ".dist-info/" not in name and ".data/" not in name},
            expected,
        )

    def test_data(self) -> None:
        """It puts the manual pages where man(1) looks beside the commands, and the units, rules,
        dashboard, Dockerfile, examples and schema of etc/ into a folder of its own.
        """
        data = {name.partition(".data/data/")[2] for name in self.names if ".data/" in name}
        files = {
            path.relative_to(_ROOT / "etc").as_posix()
            for path in (_ROOT / "etc").rglob("*")
            if path.is_file()
        }
        self.assertLessEqual(
            {
                "systemd/pipetwist.service",
                "prometheus/pipetwist.rules.yml",
                "prometheus/grafana-dashboard.json",
                "docker/Dockerfile",
                "full.json",
                "xray/README.md",
                "pipetwist.schema.json",
            },
            files,
        )
        self.assertEqual(
            data,
            {"share/man/man1/pipetwist.1", "share/man/man5/pipetwist.json.5"}
            | {f"share/pipetwist/{name}" for name in files},
        )

    def test_twisted_stays_whole(self) -> None:
        """The wheel puts plugins into Twisted's folder of plugins, and no ``__init__.py``."""
        self.assertEqual({name for name in self.names if name.startswith("twisted/")}, _PLUGINS)

    def test_license(self) -> None:
        """The wheel has the license."""
        self.assertTrue(any(name.endswith("/LICENSE") for name in self.names))

    def test_twistd(self) -> None:
        """The twistd of an environment with the wheel lists the plugin and its option."""
        said = python_in(
            "from twisted.scripts.twistd import run; run()", self.installed, "pipetwist", "--help"
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("--config", said.stdout)

    def command(self, *arguments: str) -> str:
        """What the wheel's command ``pipetwist`` says, from the wheel's own files."""
        entry_points = ConfigParser()
        entry_points.read(next(self.installed.glob("*.dist-info")) / "entry_points.txt")
        module, _, function = entry_points["console_scripts"]["pipetwist"].partition(":")
        said = python_in(
            f"import sys; from {module} import {function}; "
            f"print(sys.modules[{module!r}].__file__); {function}()",
            self.installed,
            *arguments,
        )
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertTrue(said.stdout.startswith(str(self.installed)), said.stdout)
        return said.stdout.partition("\n")[2]

    def test_command(self) -> None:
        """The wheel's command runs."""
        said = self.command("--help")
        for command in ("check", "schema"):
            self.assertIn(command, said)

    def test_systemd(self) -> None:
        """The installed command prints a unit with the installation's twistd, and that of the
        sockets.
        """
        unit = self.command("systemd", "--config", "/srv/a b.json")
        twistd = Path(sys.executable).parent / "twistd"
        start = f'ExecStart={twistd} --nodaemon --pidfile= pipetwist --config "/srv/a b.json"'
        self.assertIn(start, unit.splitlines())
        self.assertEqual(
            [line for line in unit.splitlines() if not line.startswith("ExecStart=")],
            [
                line
                for line in (self.share / "pipetwist/systemd/pipetwist.service")
                .read_text(encoding="utf-8")
                .splitlines()
                if not line.startswith("ExecStart=")
            ],
        )
        self.assertEqual(
            self.command("systemd", "--socket"),
            (_ROOT / "etc/systemd/pipetwist.socket").read_text(encoding="utf-8"),
        )

    def test_metadata(self) -> None:
        """What an index shows: links that work there, who, what for, and the Pythons of the
        tests.
        """
        metadata = message_from_string(
            next(self.installed.glob("*.dist-info/METADATA")).read_text(encoding="utf-8")
        )
        description = str(metadata.get_payload())
        links = _LINK.findall(description)
        self.assertGreater(len(links), 20)
        self.assertEqual([link for link in links if not link.startswith("https://")], [])
        self.assertTrue(any(link.endswith("/raw/main/docs/page.png") for link in links))
        for link in links:
            inside = re.fullmatch(r".*/pipetwist/pipetwist/(?:blob|raw)/main/([^#]*)(?:#.*)?", link)
            if inside:
                self.assertTrue((_ROOT / inside[1]).exists(), link)
        self.assertLessEqual(
            {"Source", "Issues", "Documentation", "Changelog"},
            {line.partition(",")[0] for line in metadata.get_all("Project-URL", [])},
        )
        self.assertTrue(metadata["Author"])
        self.assertIn("v2ray", metadata["Keywords"])
        classifiers = metadata.get_all("Classifier", [])
        for begin in ("Development Status", "Environment", "Intended Audience"):
            self.assertTrue(any(line.startswith(begin) for line in classifiers), begin)

    def test_twine(self) -> None:
        """The index would accept it without a warning."""
        checked = subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", str(self.wheel)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("PASSED", checked.stdout)


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
        said = python_in(_LIST, _ROOT)
        self.assertEqual(
            said.stdout.split(), ["True", "[]", "True", "['pipetwist']", "False"], said.stderr
        )

    def test_endpoints(self) -> None:
        """Nor does the plugin of the endpoint string ``fork:`` import anything of the package
        before one is used.
        """
        text = (_ROOT / "twisted/plugins/pipetwist_endpoints.py").read_text(encoding="utf-8")
        modules = [node.module for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
        self.assertEqual({str(module).partition(".")[0] for module in modules}, {"twisted", "zope"})

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
