"""``pipetwist init``. The configurations that it writes are the files in the folder ``shapes``;
their comments explain them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

__all__ = ["SHAPES", "init"]

SHAPES: Final[dict[str, str]] = {
    "unix": "a unix socket to a server's unix socket",
    "fork": "a unix socket to a command for each connection",
    "tcp": "a TCP port to a TCP server",
    "udp": "a UDP port to a UDP server",
    "tls-server": "TLS with client certificates to a plain service",
    "tls-client": "a plain unix socket to a TLS server",
    "users": "a unix socket for several users, who are routed and counted apart",
    "v2ray-plugin": "between V2Ray's domain socket transport and your own transport",
}
"""The description of each shape."""

_SHAPES = "\b\n" + "\n".join(f"  {name:14}{what}" for name, what in SHAPES.items())


@click.command(short_help="Write an example configuration.", epilog=f"Shapes:\n\n{_SHAPES}")
@click.argument("shape", metavar="SHAPE", type=click.Choice(list(SHAPES)))
@click.argument("file", metavar="[FILE]", default="pipetwist.json", type=click.Path())
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def init(shape: str, file: str, force: bool) -> None:
    """Write an example configuration of a SHAPE to FILE (pipetwist.json where absent, - for
    standard output).

    Its comments say what to change in it.
    """
    text = (Path(__file__).parent / "shapes" / f"{shape}.json").read_text(encoding="utf-8")
    if file == "-":
        click.echo(text, nl=False)
        return
    path = Path(file)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        click.echo(
            f"pipetwist: {file} exists already, and was not changed; choose another name, or "
            "replace it with --force",
            err=True,
        )
        raise SystemExit(1) from None
    except OSError as error:
        click.echo(f"pipetwist: {file} can't be written: {error.strerror}", err=True)
        raise SystemExit(1) from None
    click.echo(f"Wrote {file}. Change it as its comments say, and then:")
    click.echo(f"  pipetwist check {file}")
    click.echo(f"  twistd --nodaemon --pidfile= pipetwist --config {file}")
