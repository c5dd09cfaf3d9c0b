"""``pipetwist plugins``."""

from __future__ import annotations

import click

__all__ = ["plugins"]


@click.command(short_help="Show the plug-ins of a configuration, and what clients need.")
@click.argument("file", type=click.Path())
def plugins(file: str) -> None:
    """Show the plug-ins of the configuration FILE, and what the clients of its inbounds need.

    What clients need is known once the plug-in was ready.
    """
    from pipetwist.cli.output import printable
    from pipetwist.config.reading import read_document
    from pipetwist.plugins.options import PluginProcessOptions

    document = read_document(file)
    for options in (*document.inbounds, *document.outbounds):
        if isinstance(options, PluginProcessOptions):
            for line in options.told():
                click.echo(printable(line))
