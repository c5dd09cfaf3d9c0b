"""What setup.cfg can't say: a description whose links work outside the checkout, and which files an
installation gets besides its modules.
"""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

_ROOT = Path(__file__).parent
_SHARE = "share/pipetwist"
# The text of a link may go on in the next line.
_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?![a-z]+:)([^)\s]+)\)")


def _description() -> str:
    """README.md, with links and pictures that lead to the repository."""
    settings = ConfigParser()
    settings.read(_ROOT / "setup.cfg", encoding="utf-8")
    home = settings["metadata"]["url"]

    def absolute(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        return f"{mark}{text}({home}/{'raw' if mark else 'blob'}/main/{target})"

    return _LINK.sub(absolute, (_ROOT / "README.md").read_text(encoding="utf-8"))


def _files() -> list[tuple[str, list[str]]]:
    """Manual pages, and everything in etc/: units, rules, a dashboard, a Dockerfile, examples and
    the schema.
    """
    folders: dict[str, list[str]] = {
        "share/man/man1": ["man/pipetwist.1"],
        "share/man/man5": ["man/pipetwist.json.5"],
    }
    for path in sorted((_ROOT / "etc").rglob("*")):
        if path.is_file():  # and no socket that a daemon has there
            inside = path.parent.relative_to(_ROOT / "etc").as_posix()
            folder = _SHARE if inside == "." else f"{_SHARE}/{inside}"
            folders.setdefault(folder, []).append(path.relative_to(_ROOT).as_posix())
    return list(folders.items())


setup(
    long_description=_description(),
    long_description_content_type="text/markdown",
    data_files=_files(),
)
