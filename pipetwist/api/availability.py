"""Imports the API if the packages that it needs are installed. This module needs none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipetwist.errors import StartError

if TYPE_CHECKING:
    from pipetwist.api.service import StatsApi

__all__ = ["load_api", "missing_package"]

_WHAT = "experimental.v2ray_api needs"
_PACKAGES = {
    "grpc": "grpcio",
    "grpc_reflection": "grpcio-reflection",
    "grpc_health": "grpcio-health-checking",
    "google": "protobuf",
    "re2": "google-re2",
}


def load_api() -> type[StatsApi]:
    """Import the API's service.

    Raises:
        StartError: a package that it needs is missing; its text says which, and what to do.
    """
    try:
        from pipetwist.api.service import StatsApi
    except ImportError as error:
        raise missing_package(_WHAT, error) from error
    return StatsApi


def missing_package(what: str, error: ImportError) -> StartError:
    """The error for a package that is missing.

    Args:
        what: needs it, as the error begins.
        error: what the import has raised.

    Raises:
        ImportError: the error has nothing to do with those packages.
    """
    package = _PACKAGES.get((error.name or "").partition(".")[0])
    if package is None:
        raise error
    every = " ".join(_PACKAGES.values())
    return StartError(
        f"{what} {package}, which can't be imported here ({error}): pip install {every}"
    )
