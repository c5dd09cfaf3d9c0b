"""Reads the configuration's file again, for a daemon that is told to reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from pipetwist.config.document import Document
from pipetwist.config.reading import read_document
from pipetwist.errors import ConfigError, StartError
from pipetwist.files import may_read

if TYPE_CHECKING:
    from pipetwist.service.tree import PipetwistService

__all__ = ["Rereading"]


class Rereading:
    """Has a tree go by what its file says now. What is wrong with it is logged, and everything stays as it was.

    Args:
        tree: the tree.
        path: the file, absolute: a daemon has another folder than the person who started it.
        read: reads it.
    """

    def __init__(self, tree: PipetwistService, path: str, read: Callable[[str], Document] = read_document) -> None:
        self._tree = tree
        self._path = path
        self._read = read

    def foresee(self) -> None:
        """Say so where it could not be read again: the daemon may be another user since it was read."""
        if not may_read(self._path):
            self._tree.log.warn("{path} can't be read again by this user: every reload comes to nothing", path=self._path)

    def reread(self) -> Deferred[None]:
        """Do it once.

        Returns:
            A Deferred that fires when it is done, or has come to nothing.
        """
        try:
            document = self._read(self._path)
        except ConfigError:
            reloading: Deferred[None] = fail()
        else:
            reloading = self._tree.reload(document)
        return reloading.addErrback(self._refused)

    def _refused(self, failure: Failure) -> None:
        if failure.check(ConfigError, StartError):
            for line in str(failure.value).splitlines():
                self._tree.log.error("{line}", line=line)
        else:
            self._tree.log.failure("The configuration could not be taken", failure)
        self._tree.log.error("the configuration was not taken; everything goes on as before")
