"""``pipetwist systemd``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from pipetwist.cli.installed import installed_file

__all__ = ["systemd"]

_USUAL = "/etc/pipetwist/pipetwist.json"
_START = re.compile(r"^ExecStart=\S+/twistd (.*) --config .*$", re.MULTILINE)
# What the unit hides from the daemon, and by which of its lines.
_HIDDEN = {
    "/home": "ProtectHome=",
    "/root": "ProtectHome=",
    "/run/user": "ProtectHome=",
    "/tmp": "PrivateTmp=",  # noqa: S108 - nothing is put there
    "/var/tmp": "PrivateTmp=",  # noqa: S108 - nor there
}


@click.command(short_help="Print a unit for systemd.")
@click.option(
    "--socket", is_flag=True, help="Print the unit of the sockets that systemd is to open."
)
@click.option(
    "--config",
    "-c",
    metavar="FILE",
    default=_USUAL,
    show_default=True,
    type=click.Path(),
    help="The configuration that the daemon runs on.",
)
def systemd(socket: bool, config: str) -> None:
    """Print a unit for systemd that runs this installation.

    Write it to /etc/systemd/system/pipetwist.service, or with --socket to pipetwist.socket there.
    """
    name = "pipetwist.socket" if socket else "pipetwist.service"
    path = installed_file(f"systemd/{name}")
    if path is None:
        click.echo(
            f"pipetwist: this installation has no {name}; install pipetwist with pip, or look into "
            "etc/systemd of its sources",
            err=True,
        )
        raise SystemExit(1)
    unit = path.read_text(encoding="utf-8")
    if socket:
        click.echo(unit, nl=False)
        return
    twistd = Path(sys.executable).parent / "twistd"
    file = Path(config).absolute()

    def start(match: re.Match[str]) -> str:
        return f"ExecStart={_quoted(twistd)} {match[1]} --config {_quoted(file)}"

    click.echo(_START.sub(start, unit), nl=False)
    elsewhere = "install pipetwist elsewhere, such as in /opt/pipetwist"
    python = Path(sys.executable).resolve()  # an environment has a link to it
    for needed, instead in (
        (twistd, elsewhere),
        (python, f"{elsewhere}, with another Python" if python.parent != twistd.parent else ""),
        (file, "name another, such as the one in /etc/pipetwist"),
    ):
        for hidden, line in _HIDDEN.items():
            if instead and needed.is_relative_to(hidden):
                click.echo(
                    f"pipetwist: {needed} is in {hidden}, which {line} hides from the daemon; "
                    f"{instead}, or change that line",
                    err=True,
                )


def _quoted(path: Path) -> str:
    """A path as systemd.syntax(7) and systemd.unit(5), specifiers, have it."""
    text = str(path).replace("\\", r"\\").replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w./+@%$-]+", text):
        return text
    return '"' + text.replace('"', r"\"") + '"'
