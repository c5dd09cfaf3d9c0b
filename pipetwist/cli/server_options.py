"""The options for the server that a command asks. They are the same for all such commands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pipetwist.cli.durations import to_seconds

if TYPE_CHECKING:
    from pipetwist.client.server import Server
    from pipetwist.values.bind_address import PortAddress, UnixAddress

__all__ = ["SERVER_VARIABLE", "ServerChoice", "chosen_server", "server_options"]

ServerChoice = Callable[[], "Server"]
"""Makes the chosen server."""

SERVER_VARIABLE = "PIPETWIST_SERVER"
"""The environment variable for --server."""

_FILE = click.Path(dir_okay=False)

_OPTIONS = (
    click.option(
        "--server",
        "-s",
        metavar="ADDRESS",
        default="127.0.0.1:10085",
        envvar=SERVER_VARIABLE,
        show_envvar=True,
        show_default=True,
        help="Where the StatsService listens: HOST:PORT or unix:PATH.",
    ),
    click.option(
        "--config",
        "-c",
        metavar="FILE",
        type=_FILE,
        help="Use the API that this pipetwist configuration names.",
    ),
    click.option("--tls", is_flag=True, help="Speak TLS. The four options below imply this."),
    click.option(
        "--ca",
        metavar="FILE",
        type=_FILE,
        help="PEM file with the CA of the server's certificate; default: the system's CAs.",
    ),
    click.option(
        "--cert",
        metavar="FILE",
        type=_FILE,
        help="PEM file with a certificate to present; needs --key.",
    ),
    click.option(
        "--key",
        metavar="FILE",
        type=_FILE,
        help="PEM file with the certificate's private key; needs --cert.",
    ),
    click.option(
        "--server-name",
        metavar="NAME",
        help="The name in the server's certificate; default: the host of the address.",
    ),
    click.option(
        "--timeout",
        metavar="DURATION",
        callback=to_seconds,
        default="5s",
        show_default=True,
        help="How long to wait for an answer.",
    ),
)
_NAMES = ("server", "config", "tls", "ca", "cert", "key", "server_name", "timeout")


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options to a command, and pass it the argument ``server``, which makes the server;
    see `chosen_server`.
    """

    @functools.wraps(command)
    def with_server(**given: object) -> None:
        said = {name: given.pop(name) for name in _NAMES}
        command(server=functools.partial(chosen_server, click.get_current_context(), said), **given)

    return functools.reduce(
        lambda decorated, option: option(decorated), reversed(_OPTIONS), with_server
    )


def chosen_server(context: click.Context, said: dict[str, Any]) -> Server:  # each of its type
    """Make the server from the command line.

    Args:
        context: of the command.
        said: the options' values.

    Raises:
        click.UsageError: the options contradict each other.
        ConfigError: the configuration that they name can't be used.
    """
    from pipetwist.client.server import ClientTls, Server, parse_address

    if (said["cert"] is None) != (said["key"] is None):
        message = "--cert and --key go together"
        raise click.UsageError(message, context)
    wants_tls = said["tls"] or any(said[name] for name in ("ca", "cert", "server_name"))
    if said["config"] is None:
        try:
            address = parse_address(said["server"])
        except ValueError as error:
            raise click.BadParameter(str(error), context, param_hint="--server") from error
    else:
        if context.get_parameter_source("server") is ParameterSource.COMMANDLINE:
            message = "--server and --config both say which server; leave one out"
            raise click.UsageError(message, context)
        address, has_tls = _configured(said["config"])
        wants_tls = wants_tls or has_tls
    tls = (
        ClientTls(
            authority=said["ca"],
            certificate=said["cert"],
            key=said["key"],
            name=said["server_name"],
        )
        if wants_tls
        else None
    )
    return Server(address=address, tls=tls, timeout=said["timeout"])


def _configured(path: str) -> tuple[PortAddress | UnixAddress, bool]:
    """The address of a configuration's API, and whether it has TLS."""
    from pipetwist.client.server import address_of
    from pipetwist.config.reading import read_document
    from pipetwist.errors import ConfigError

    options = read_document(path).experimental.v2ray_api
    label = f"{path}: experimental.v2ray_api.listen"
    try:
        address = None if options is None else address_of(options)
    except ValueError as error:
        message = (
            f"{label}: {error}; give --server HOST:PORT with the current port, which is in the log"
        )
        raise ConfigError(message) from None
    if options is None or address is None:
        message = f"{label} is missing: this daemon has no API"
        raise ConfigError(message)
    return address, options.spoken_tls is not None
