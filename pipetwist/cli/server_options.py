"""The options for the server that a command asks. They are the same for all such commands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pipetwist.cli.durations import to_seconds

if TYPE_CHECKING:
    from pipetwist.client.server import ClientTls, ServedOptions, Server, Service
    from pipetwist.values.bind_address import PortAddress, UnixAddress

__all__ = [
    "CONTROL_VARIABLE",
    "SERVER_VARIABLE",
    "ControlChoice",
    "ServerChoice",
    "chosen_control",
    "chosen_server",
    "control_options",
    "server_options",
    "top_options",
]

ServerChoice = Callable[[], "Server"]
"""Makes the chosen server."""

ControlChoice = Callable[[], "Server | None"]
"""Makes the server of the control service; None if none is named."""

SERVER_VARIABLE = "PIPETWIST_SERVER"
"""The environment variable for --server."""

CONTROL_VARIABLE = "PIPETWIST_CONTROL"
"""The environment variable for --server of the commands that use the control service."""

_COMMANDLINE = ParameterSource.COMMANDLINE
_FILE = click.Path(dir_okay=False)

_STATS = (
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
)
_CONTROL = (
    click.option(
        "--server",
        "-s",
        metavar="ADDRESS",
        envvar=CONTROL_VARIABLE,
        show_envvar=True,
        help="Where the control service listens: unix:PATH or HOST:PORT.",
    ),
    click.option(
        "--config",
        "-c",
        metavar="FILE",
        type=_FILE,
        help="Use the control service that this pipetwist configuration names.",
    ),
)
_BESIDE = click.option(
    "--control",
    metavar="ADDRESS",
    envvar=CONTROL_VARIABLE,
    show_envvar=True,
    help="Where the control service listens: unix:PATH or HOST:PORT. Default: where the "
    "configuration of --config says.",
)
_BOTH = (
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
    return _with_options(command, (*_STATS, *_BOTH), chosen_server)


def control_options(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that uses the control service."""
    return _with_options(command, (*_CONTROL, *_BOTH), chosen_control)


def top_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for a server and those for a control service beside it, and pass the command
    the arguments ``server`` and ``control``, which make them.
    """

    @functools.wraps(command)
    def with_control(control: str | None, server: ServerChoice, **given: object) -> None:
        context = click.get_current_context()
        choose = functools.partial(_control_beside, context, control)
        command(server=server, control=choose, **given)

    return _BESIDE(server_options(with_control))


def chosen_server(context: click.Context, said: dict[str, Any]) -> Server:  # each of its type
    """Make the server from the command line.

    Args:
        context: of the command.
        said: the options' values.

    Raises:
        click.UsageError: the options contradict each other.
        ConfigError: the configuration that they name can't be used.
    """
    from pipetwist.client.server import STATS_SERVICE

    return _chosen(context, said, _configured_api, STATS_SERVICE)


def chosen_control(context: click.Context, said: dict[str, Any]) -> Server:  # each of its type
    """The same for the control service; see `chosen_server`."""
    from pipetwist.client.server import CONTROL_SERVICE

    if said["config"] is None and said["server"] is None:
        message = "say which daemon: --server unix:PATH, or --config FILE"
        raise click.UsageError(message, context)
    return _chosen(context, said, _configured_control, CONTROL_SERVICE)


def _with_options(
    command: Callable[..., None],
    options: tuple[Callable[..., Any], ...],  # Any: click's decorators
    choose: Callable[[click.Context, dict[str, Any]], Server],  # as above
) -> Callable[..., None]:
    @functools.wraps(command)
    def with_server(**given: object) -> None:
        said = {name: given.pop(name) for name in _NAMES}
        command(server=functools.partial(choose, click.get_current_context(), said), **given)

    return functools.reduce(
        lambda decorated, option: option(decorated), reversed(options), with_server
    )


def _chosen(
    context: click.Context,
    said: dict[str, Any],  # each of its type
    configured: Callable[[str], tuple[PortAddress | UnixAddress, bool]],
    service: Service,
) -> Server:
    from pipetwist.client.server import Server

    if (said["cert"] is None) != (said["key"] is None):
        message = "--cert and --key go together"
        raise click.UsageError(message, context)
    if said["config"] is None:
        address = _parsed(context, said["server"], "--server")
        has_tls = any(said[name] for name in ("ca", "cert", "server_name"))
    else:
        if context.get_parameter_source("server") is _COMMANDLINE:
            message = "--server and --config both say which server; leave one out"
            raise click.UsageError(message, context)
        address, has_tls = configured(said["config"])
    tls = _tls(said) if said["tls"] or has_tls else None
    return Server(address=address, tls=tls, timeout=said["timeout"], service=service)


def _control_beside(context: click.Context, given: str | None) -> Server | None:
    """The control service beside the chosen server; None if there is none.

    Args:
        context: of the command.
        given: its address, from the command line or the environment.
    """
    from pipetwist.client.server import CONTROL_SERVICE, Server
    from pipetwist.config.reading import read_document
    from pipetwist.values.bind_address import PortAddress

    said = {name: context.params[name] for name in _NAMES}
    config = said["config"]
    if config is not None and context.get_parameter_source("control") is not _COMMANDLINE:
        options = read_document(config).control
        if options is not None and options.listen is not None:
            # --tls is said of the API.
            return _chosen(context, {**said, "tls": False}, _configured_control, CONTROL_SERVICE)
    if given is None:
        return None
    address = _parsed(context, given, "--control")
    # It listens on a port with TLS alone, and on a unix socket without.
    tls = _tls(said) if isinstance(address, PortAddress) else None
    return Server(address=address, tls=tls, timeout=said["timeout"], service=CONTROL_SERVICE)


def _parsed(context: click.Context, raw: str, option: str) -> PortAddress | UnixAddress:
    from pipetwist.client.server import parse_address

    try:
        return parse_address(raw)
    except ValueError as error:
        raise click.BadParameter(str(error), context, param_hint=option) from error


def _tls(said: dict[str, Any]) -> ClientTls:  # each of its type
    from pipetwist.client.server import ClientTls

    return ClientTls(
        authority=said["ca"], certificate=said["cert"], key=said["key"], name=said["server_name"]
    )


def _configured_api(path: str) -> tuple[PortAddress | UnixAddress, bool]:
    """The address of a configuration's API, and whether it has TLS."""
    from pipetwist.config.reading import read_document

    options = read_document(path).experimental.v2ray_api
    return _address(path, options, "experimental.v2ray_api.listen", "API")


def _configured_control(path: str) -> tuple[PortAddress | UnixAddress, bool]:
    """The address of a configuration's control service, and whether it has TLS."""
    from pipetwist.config.reading import read_document

    return _address(path, read_document(path).control, "control.listen", "control service")


def _address(
    path: str, options: ServedOptions | None, key: str, noun: str
) -> tuple[PortAddress | UnixAddress, bool]:
    from pipetwist.client.server import address_of
    from pipetwist.errors import ConfigError

    label = f"{path}: {key}"
    try:
        address = None if options is None else address_of(options)
    except ValueError as error:
        message = (
            f"{label}: {error}; give --server HOST:PORT with the current port, which is in the log"
        )
        raise ConfigError(message) from None
    if options is None or address is None:
        message = f"{label} is missing: this daemon has no {noun}"
        raise ConfigError(message)
    return address, options.spoken_tls is not None
