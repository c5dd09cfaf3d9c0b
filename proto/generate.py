"""Makes the modules of ``pipetwist/api/wire`` from the .proto files here: ``python
proto/generate.py``.

With ``--check`` it makes them in a temporary folder and compares; exit status 1 and a list where
what is checked in is not current.

What is generated depends on protoc's version, so the package that brings it is pinned. A newer one
asks for a newer protobuf at run time: raise the pin together with protobuf's lower bound in
setup.cfg.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["main"]

GRPCIO_TOOLS = "1.85.1"

SOURCES = Path(__file__).resolve().parent
ROOT = SOURCES.parent


def main(arguments: list[str]) -> int:
    """Generate or check.

    Args:
        arguments: the command line without the program's name.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        description="Generate the modules of pipetwist/api/wire from proto/."
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="say whether what is checked in is current, and change nothing",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=ROOT,
        help="the folder that the package pipetwist is in (default: this checkout)",
    )
    options = parser.parse_args(arguments)
    problem = _wrong_tools()
    if problem:
        return _fail(problem)
    if not options.check:
        return 0 if _generate(options.root) else _fail("protoc failed")
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        if not _generate(fresh):
            return _fail("protoc failed")
        stale = _differences(fresh, options.root)
    if stale:
        return _fail(f"not current: {', '.join(stale)}; run: python proto/generate.py")
    return 0


def _wrong_tools() -> str | None:
    try:
        installed = version("grpcio-tools")
    except PackageNotFoundError:
        installed = None
    if installed == GRPCIO_TOOLS:
        return None
    have = f"grpcio-tools is {installed} here" if installed else "grpcio-tools is not installed"
    return (
        f"{have}; what is checked in was made with {GRPCIO_TOOLS}: pip install "
        f"grpcio-tools=={GRPCIO_TOOLS}"
    )


def _generate(out: Path) -> bool:
    from grpc_tools import protoc  # type: ignore[import-untyped] # grpcio-tools has no types

    sources = sorted(str(source.relative_to(SOURCES)) for source in SOURCES.rglob("*.proto"))
    status: int = protoc.main(
        ["protoc", f"-I{SOURCES}", f"--python_out={out}", f"--pyi_out={out}", *sources]
    )
    return status == 0


def _generated(root: Path) -> dict[str, bytes]:
    files = (root / "pipetwist").rglob("*_pb2*.py*")
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in files
        if file.suffix in {".py", ".pyi"}
    }


def _differences(fresh: Path, checked_in: Path) -> list[str]:
    ours, theirs = _generated(fresh), _generated(checked_in)
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )


def _fail(problem: str) -> int:
    sys.stderr.write(f"proto/generate.py: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
