"""The example configurations of other programs in etc/, with a test's own addresses in the place of
theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pipetwist

__all__ = ["copy_example"]

_ETC = Path(pipetwist.__file__).parent.parent / "etc"


def copy_example(name: str, place: Path, instead: Mapping[str, object]) -> Path:
    """Copy a file of etc/.

    Args:
        name: its path there.
        place: where the copy goes.
        instead: what stands in the file, each with what is to stand in the copy.

    Returns:
        The copy's path.

    Raises:
        AssertionError: something does not stand in the file.
    """
    text = (_ETC / name).read_text(encoding="utf-8")
    missing = [written for written in instead if written not in text]
    if missing:
        message = f"etc/{name} has no {', '.join(missing)}"
        raise AssertionError(message)
    # All at once: what is put in for one may look like another.
    copied = re.sub("|".join(map(re.escape, instead)), lambda found: str(instead[found[0]]), text)
    place.write_text(copied, encoding="utf-8")
    return place
