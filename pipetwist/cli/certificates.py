"""``pipetwist init certificates``."""

from __future__ import annotations

import re
from pathlib import Path

import click

__all__ = ["certificates"]

_NAME = re.compile(r"\w[\w.@-]*")


@click.command(
    "init certificates", short_help="Make a CA, and certificates for a server and its clients."
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--folder",
    metavar="FOLDER",
    default=".",
    type=click.Path(file_okay=False, exists=True),
    help="Where the files go; default: the current folder.",
)
@click.option(
    "--host",
    metavar="HOST",
    default="localhost",
    show_default=True,
    help="The name or the address that clients connect to.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 36500),
    metavar="DAYS",
    default=365,
    show_default=True,
    help="How long they are valid.",
)
def certificates(names: tuple[str, ...], folder: str, host: str, days: int) -> None:
    """Make a CA, a certificate for a server, and one for each client NAME.

    The files are ca.pem, server.pem and NAME.pem, with their keys in .key files that only you can
    read. A CA and a server's certificate that are there are used, and nothing is replaced: a second
    call makes certificates for more clients.
    """
    from pipetwist.errors import StartError
    from pipetwist.tls.authority import CertificateAuthority

    for name in names:
        if not _NAME.fullmatch(name) or name in ("ca", "server"):
            message = f"{name!r} can't be the name of a client and of its files"
            raise click.BadParameter(message, param_hint="NAME")
    try:
        authority = CertificateAuthority(Path(folder), days)
        if not authority.has("server"):
            authority.issue_server(host)
        for name in names:
            authority.issue_client(name)
    except StartError as error:
        click.echo(f"pipetwist: {error}", err=True)
        raise SystemExit(1) from None
    click.echo(f"Wrote {', '.join(authority.written) or 'nothing, since all is there'}.")
