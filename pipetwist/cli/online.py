"""``pipetwist online``."""

from __future__ import annotations

from contextlib import closing

import click

from pipetwist.cli.output import on_terminal, print_json, print_lines
from pipetwist.cli.server_options import ServerChoice, server_options

__all__ = ["online"]


@click.command(short_help="Show who is connected and from where.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as Xray's GetUsersStats has it.")
@server_options
def online(as_json: bool, server: ServerChoice) -> None:
    """Show the users who are connected, and from where. For pipetwist and Xray.

    A source is an address, or pid:N for a process on a unix socket. Elsewhere than on a terminal
    each is a line with the user, a TAB, the source, a TAB, and when it was last seen, in seconds
    since 1970. Of the oldest Xrays that know who is online (24.11) only the number of a user's
    sources is known: it stands in the source's place, and 0 for the time.
    """
    from pipetwist.client.calls import StatsCalls
    from pipetwist.client.online import listed_sources, read_online

    with closing(StatsCalls(server())) as calls:
        users = read_online(calls)
    if as_json:
        print_json({"users": [_user(name, sources) for name, sources in users.items()]})
    elif on_terminal():
        from pipetwist.cli.tables import online_table, print_table

        print_table(online_table(users))
    else:
        print_lines(
            (user, source, seen)
            for user, sources in users.items()
            for source, seen in listed_sources(sources)
        )


def _user(name: str, sources: dict[str, int] | int) -> dict[str, object]:
    if isinstance(sources, int):
        return {"email": name, "sources": sources}
    return {
        "email": name,
        "ips": [{"ip": source, "last_seen": seen} for source, seen in sorted(sources.items())],
    }
