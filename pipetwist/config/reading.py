"""Reads a configuration: from a file to the document, or to a list of everything that is wrong with
it.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache, reduce
from operator import getitem
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipetwist.config.consistency import inconsistencies
from pipetwist.config.document import Document
from pipetwist.config.loops import loops
from pipetwist.config.platform import unsupported
from pipetwist.config.problems import Problem, in_order
from pipetwist.config.syntax import NotJsonError, flaws, parse_json
from pipetwist.config.unix_routes import passing_by_streams
from pipetwist.config.validation_messages import problems_of, unknown_keys
from pipetwist.errors import ConfigError
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.kinds.registry import AnyKind
from pipetwist.outbounds.registry import OUTBOUNDS

__all__ = ["parse_document", "read_document"]

_MAX_BYTES = 64 * 1024**2  # some hundred thousand users need less


def read_document(path: str | os.PathLike[str], *, platform: str = sys.platform) -> Document:
    """Read a configuration file.

    Args:
        path: the file; relative paths in it are relative to its folder.
        platform: the platform that it will run on, as in ``sys.platform``.

    Raises:
        ConfigError: it can't be read or used. Its text has one line for each problem.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            message = f"it is larger than {_MAX_BYTES // 1024**2} MiB; no configuration is"
            raise ValueError(message)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{name}: this is not UTF-8 text, from byte {error.start} on; save it as UTF-8"
        raise ConfigError(message) from None
    except (OSError, ValueError) as error:
        message = f"{name}: the file can't be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(message) from None
    return parse_document(text, Path(name).parent, name, platform=platform)


def parse_document(text: str, folder: Path, name: str, *, platform: str = sys.platform) -> Document:
    """Read a configuration's text.

    Args:
        text: JSON, in which comments, trailing commas and the rest of JSON5 may stand.
        folder: what relative paths in it are relative to.
        name: the file's name, for messages.
        platform: the platform that it will run on, as in ``sys.platform``.

    Raises:
        ConfigError: it can't be used. Its text has one line for each problem.
    """
    try:
        raw = parse_json(text)
    except NotJsonError as error:
        message = f"{name}: {error}"
        raise ConfigError(message) from None
    encoded = json.dumps(raw, ensure_ascii=False).encode("utf-8", "replace")
    problems = [*flaws(raw), *inconsistencies(raw), *unsupported(raw, platform)]
    document = _validate(encoded, folder.absolute(), problems)
    if document is not None and not problems:
        problems += [*loops(document), *passing_by_streams(document)]
    if document is None or problems:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in in_order(problems, raw)))
    return document


def _validate(encoded: bytes, folder: Path, problems: list[Problem]) -> Document | None:
    """Make the document, or add to the problems.

    Pydantic is given JSON, since there it is strict about types and yet takes a list for a tuple
    and an object for a dataclass.
    """
    try:
        return _adapter((*INBOUNDS, *OUTBOUNDS)).validate_json(
            encoded, strict=True, context={"folder": folder}
        )
    except ValidationError as error:
        problems += problems_of(error)
        unknown = unknown_keys(error)
    if unknown:
        # An object with a key too many is not asked whether its keys fit together, so it is looked
        # at again without.
        pruned = json.loads(encoded)
        for *holder, key in unknown:
            del reduce(getitem, holder, pruned)[key]
        _validate(json.dumps(pruned).encode(), folder, problems)
    return None


@lru_cache(1)
def _adapter(kinds: tuple[AnyKind, ...]) -> TypeAdapter[Document]:
    """What reads a document, made once for the kinds that there are."""
    return TypeAdapter(Document)
