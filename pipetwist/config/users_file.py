"""Reads the users of a file: one JSON object a line, the objects of the list ``users``."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from pipetwist.config.document import Document
from pipetwist.config.file_limits import wrong_limits
from pipetwist.config.places import Place, places
from pipetwist.config.problems import Problem
from pipetwist.config.source import Finding, InvalidConfigError, unmarked
from pipetwist.config.syntax import flaws, parse_json
from pipetwist.config.user_names import contradictions, twofold
from pipetwist.config.validation_messages import problems_of
from pipetwist.errors import ConfigError
from pipetwist.files import mark_of, open_regular
from pipetwist.kinds.limit_options import UserLimitOptions
from pipetwist.kinds.user_options import UserOptions, UsersFile
from pipetwist.safe_files.folder import Folder
from pipetwist.safe_files.walk import StrangersLinkError, walk

__all__ = ["read_users", "with_users_of_file"]

_MAX_BYTES = 64 * 1024**2  # as a configuration
_OF_OTHERS = 0o022
_STICKY = stat.S_ISVTX
_KEYS = tuple(
    f'"{key.name}"'.encode() for of in (UserOptions, UserLimitOptions) for key in fields(of)
)
_PLACE = re.compile(r" at line 1 column (\d+)$")  # in bytes, as pydantic says it
_NO_FOLDER = {"folder": Path("/")}  # a user has no paths


def with_users_of_file(document: Document, read: UsersFile | None = None) -> Document:
    """A document, with the users of its file.

    Args:
        document: the document.
        read: what was read of the file; None to read it now.

    Raises:
        ConfigError: the file can't be used; or a name in it means another user at an inbound, or
            has other limits elsewhere; or it has a quota that nothing keeps.
    """
    if document.users_file is None:
        return document
    if read is None:
        read = read_users(document.users_file.path)
    document = replace(document, users_file=read)
    for problem in chain(contradictions(document), wrong_limits(document, read)):
        message = f"{read.path}: {problem}"
        raise ConfigError(message)
    return document


def read_users(path: str) -> UsersFile:
    """Read a file of users.

    Args:
        path: the file, absolute.

    Raises:
        ConfigError: it can't be read; a line is no user, which is named; or there is no user in
            it. As root also where others may have written it: where it belongs to another, or
            others may write it or replace it, or it is behind a symbolic link.
    """
    try:
        with _open(path) as file:
            mark = mark_of(os.fstat(file.fileno()))
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            message = f"it is larger than {_MAX_BYTES // 1024**2} MiB; no list of users is"
            raise ValueError(message)
        content = unmarked(content)
    except StrangersLinkError as error:
        message = f"{path}: the file can't be read: {error}, and this daemon is root"
        raise ConfigError(message) from None
    except (OSError, ValueError) as error:
        message = f"{path}: the file can't be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(message) from None
    users = tuple(_users(path, content))
    if not users:
        message = f"{path}: there is no user in it; write one a line"
        raise ConfigError(message)
    return UsersFile(path, users, mark)


def _users(path: str, content: bytes) -> Iterator[UserOptions]:
    validate = _adapter().validate_json
    limits: dict[str, UserLimitOptions] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            user = validate(line, strict=True, context=_NO_FOLDER)
        except ValidationError as error:
            raise InvalidConfigError([_first(path, number, line, error)]) from None
        if user.limits and limits.setdefault(user.name, user.limits) != user.limits:
            problem = Problem(("limits",), twofold(user.name))
            raise InvalidConfigError([_found(path, number, line, problem)])
        # Of a key that is given twice the last would count. To look for one in each line would take
        # as long as all the rest, so it is first seen whether there can be one.
        for key in _KEYS:
            if line.count(key) > 1:
                for problem in flaws(parse_json(line.decode())):
                    raise InvalidConfigError([_found(path, number, line, problem)])
        yield user


def _first(path: str, number: int, line: bytes, error: ValidationError) -> Finding:
    """What is wrong with a line, for people: the first of it."""
    (details, *_) = error.errors(include_url=False)
    if details["type"] == "json_invalid":
        said = str(details["ctx"]["error"])
        place = _PLACE.search(said)
        problem = Problem((), f"this is not JSON: {_PLACE.sub('', said)}; write one object a line")
        column = 1 if place is None else _characters(line, int(place[1]))
        return Finding(path, problem, Place(number, column))
    problem = next(problems_of(error, None, within=("users", 0)))
    return _found(path, number, line, replace(problem, key_path=problem.key_path[2:]))


def _found(path: str, number: int, line: bytes, problem: Problem) -> Finding:
    """A problem of a line that is JSON."""
    ((_, column),) = places(line.decode(), [problem.key_path]).values()
    return Finding(path, problem, Place(number, column))


def _characters(line: bytes, count: int) -> int:
    """How many characters a number of bytes are."""
    return max(len(line[:count].decode("utf-8", "replace")), 1)


@cache
def _adapter() -> TypeAdapter[UserOptions]:
    return TypeAdapter(UserOptions)


def _open(path: str) -> IO[bytes]:
    """Open a regular file; as root, one that only root may have written.

    Raises:
        OSError: it can't be opened.
        StrangersLinkError: there is another user's link on the way.
        ValueError: it is not to be trusted.
    """
    if os.geteuid() != 0:
        return open_regular(path)
    # The folder may be reached by links of root's, and the file itself by none.
    around, name = os.path.split(path)
    parent, here = walk(around)
    with parent, Folder(here, within=parent) as folder:
        try:
            file = open_regular(name, os.O_NOFOLLOW, folder.descriptor)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            message = "it is a symbolic link, and this daemon is root; write where it leads to"
            raise ValueError(message) from None
        fault = _fault(os.fstat(file.fileno()), folder)
    if fault is not None:
        file.close()
        raise ValueError(fault)
    return file


def _fault(status: os.stat_result, folder: Folder) -> str | None:
    """Why root should not believe a file; None if nothing is wrong with it."""
    if status.st_uid != 0:
        return f"it belongs to user {status.st_uid}, and this daemon is root; chown it to root"
    if status.st_mode & _OF_OTHERS:
        return "others than root may write it, and this daemon is root; chmod it to 0644 or less"
    around = os.fstat(folder.descriptor)
    if around.st_uid != 0 or (around.st_mode & _OF_OTHERS and not around.st_mode & _STICKY):
        return (
            f"others than root may replace it in {folder.path}, and this daemon is root; use a "
            "folder that only root may write"
        )
    return None
