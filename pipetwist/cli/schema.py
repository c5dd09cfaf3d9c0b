"""``pipetwist schema``."""

from __future__ import annotations

import json

import click

__all__ = ["schema"]


@click.command(short_help="Print the JSON Schema of a configuration.")
def schema() -> None:
    """Print the JSON Schema of a configuration, for an editor to check and complete one with."""
    from pipetwist.config.schema import document_schema

    click.echo(json.dumps(document_schema(), indent=2, ensure_ascii=False))
