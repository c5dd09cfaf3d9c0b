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
from pipetwist.config.document import SCHEMA_KEY, Document
from pipetwist.config.foreign import program_of
from pipetwist.config.loops import loops
from pipetwist.config.platform import unsupported
from pipetwist.config.problems import Problem, in_order
from pipetwist.config.source import Finding, InvalidConfigError, Source
from pipetwist.config.syntax import NotJsonError, flaws, parse_json
from pipetwist.config.unix_routes import passing_by_streams
from pipetwist.config.user_names import contradictions, twofold_limits
from pipetwist.config.users_file import with_users_of_file
from pipetwist.config.validation_messages import problems_of, unknown_keys
from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.kinds.registry import AnyKind
from pipetwist.outbounds.registry import OUTBOUNDS

__all__ = ["parse_document", "read_document", "read_source"]


def read_document(path: str | os.PathLike[str], *, platform: str = sys.platform) -> Document:
    """Read a configuration file.

    Args:
        path: the file; relative paths in it are relative to its folder.
        platform: the platform that it will run on, as in ``sys.platform``.

    Raises:
        ConfigError: it can't be read or used. Its text has one line for each problem.
    """
    return with_users_of_file(read_source(Source.of_file(path), platform=platform))


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
    return read_source(Source(name, folder, text), platform=platform)


def read_source(source: Source, *, platform: str = sys.platform) -> Document:
    """Read a configuration whose text is known.

    Args:
        source: its text.
        platform: the platform that it will run on, as in ``sys.platform``.

    Raises:
        InvalidConfigError: it can't be used.
    """
    try:
        raw = parse_json(source.text)
    except NotJsonError as error:
        finding = Finding(source.name, Problem((), str(error)), error.place)
        raise InvalidConfigError([finding]) from None
    foreign = program_of(raw)
    if foreign is not None:
        raise InvalidConfigError(source.locate([Problem((), foreign)]))
    if isinstance(raw, dict) and isinstance(raw.get(SCHEMA_KEY), str):
        del raw[SCHEMA_KEY]  # it is for editors
    encoded = json.dumps(raw, ensure_ascii=False).encode("utf-8", "replace")
    problems = [*flaws(raw), *inconsistencies(raw), *unsupported(raw, platform)]
    document = _validate(encoded, source.folder.absolute(), problems)
    if document is not None and not problems:
        problems += [*loops(document), *passing_by_streams(document)]
        problems += [*contradictions(document), *twofold_limits(document)]
    if document is None or problems:
        raise InvalidConfigError(source.locate(in_order(problems, raw)))
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
        problems += problems_of(error, json.loads(encoded))
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
