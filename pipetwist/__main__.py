"""``python -m pipetwist`` is the command ``pipetwist``."""

from __future__ import annotations

from pipetwist.cli.main import main

if __name__ == "__main__":
    main(prog_name="pipetwist")
