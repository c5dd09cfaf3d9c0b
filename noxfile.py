"""The tests on every Python that the machine has, and on the lowest versions of the dependencies
that setup.cfg allows.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path
from shutil import which

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
LOWEST = PYTHONS[0]
NEWEST = [version for version in PYTHONS if which(f"python{version}") or version == LOWEST][-1]

_OTHERS = {"interop", "docs", "bench", "test_packaging", "test_source_distribution", "test_typing"}
# What Twisted does about ALPN differs between its versions.
_OF_REAL_PROGRAMS = ["tests.interop.test_alpn"]
# `make test` has asked whether the properties hold; these ask whether the code works there at all.
_FEW_EXAMPLES = {"PIPETWIST_EXAMPLES": "20"}

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests", "lowest"]
nox.options.default_venv_backend = (
    "uv|virtualenv"  # uv installs in a fraction of the time, where it is
)
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all the tests, or those that are named after ``--``."""
    # twine needs other packages than the lowest versions of ours go together with.
    session.install("--editable", ".[test]", "twine>=6.1")
    session.run("python", "-m", "twisted.trial", *(session.posargs or ["tests"]))


@nox.session(python=NEWEST)
def newest(session: nox.Session) -> None:
    """Run what may depend on the Python on the newest one that is here."""
    session.install("--editable", ".[test]")
    session.run("python", "-m", "twisted.trial", *_depending(), env=_FEW_EXAMPLES)


@nox.session(python=LOWEST)
def lowest(session: nox.Session) -> None:
    """Run the same on the lowest Python with the lowest version of each dependency."""
    # A folder of create_tmp would be that of the tests' files too, and too deep for their sockets.
    pins = Path(session.virtualenv.location) / "lowest.txt"
    pins.write_text("\n".join(_lower_bounds()) + "\n", encoding="utf-8")
    session.install("--editable", ".[test]", "--constraint", str(pins))
    session.run("python", "-m", "twisted.trial", *_depending(), env=_FEW_EXAMPLES)


def _depending() -> list[str]:
    """All the tests but those of documents, benchmarks, types, the package and most of real
    programs, which `make test` has run.
    """
    found = [
        path
        for path in Path("tests").iterdir()
        if (path / "__init__.py").exists() or path.name.startswith("test_")
    ]
    own = (f"tests.{path.stem}" for path in found if path.stem not in _OTHERS)
    return sorted([*own, *_OF_REAL_PROGRAMS])


def _lower_bounds() -> list[str]:
    """What setup.cfg requires, each at the version that it requires at least."""
    metadata = ConfigParser()
    metadata.read("setup.cfg", encoding="utf-8")
    required = metadata["options"]["install_requires"].split()
    return [requirement.replace("[tls]", "").replace(">=", "==") for requirement in required]
