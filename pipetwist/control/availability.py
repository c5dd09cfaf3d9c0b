"""Imports the control service if the packages that it needs are installed. This module needs none
of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipetwist.api.availability import missing_package

if TYPE_CHECKING:
    from pipetwist.control.service import ControlService

__all__ = ["load_control"]

_WHAT = "control needs"


def load_control() -> type[ControlService]:
    """Import the control service.

    Raises:
        StartError: a package that it needs is missing; its text says which, and what to do.
    """
    try:
        from pipetwist.control.service import ControlService
    except ImportError as error:
        raise missing_package(_WHAT, error) from error
    return ControlService
