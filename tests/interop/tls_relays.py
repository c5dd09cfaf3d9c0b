"""stunnel, HAProxy and nginx, which put TLS on a connection or take it off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, wait_until
from tests.support.shared_certificates import AUTHORITY, SERVER, SERVER_NAME

__all__ = ["RELAYS", "TlsRelay", "start_relay"]


class TlsRelay(NamedTuple):
    """One of the programs, which runs.

    Attributes:
        puts_on: for each port that speaks TLS a plain port that leads to it.
        takes_off: a port that speaks TLS, and leads to a plain one.
    """

    puts_on: Mapping[int, int]
    takes_off: int


def start_relay(
    case: SynchronousTestCase, folder: Path, name: str, speaking_tls: Sequence[int], plain: int
) -> TlsRelay:
    """Start one; the test's clean-up ends it.

    Args:
        case: the test.
        folder: where its files go.
        name: one of `RELAYS`.
        speaking_tls: the ports that it shall put TLS on for.
        plain: where it shall lead when it has taken TLS off.
    """
    relay = TlsRelay({port: free_port(case) for port in speaking_tls}, free_port(case))
    path = folder / f"{name}.conf"
    command, text = _WAYS[name](path, relay, plain)
    path.write_text(text + "\n", encoding="utf-8")
    process = start_peer(case, [need(command[0]), *command[1:]], folder)
    ports = [*relay.puts_on.values(), relay.takes_off]
    wait_until(lambda: process.poll() is not None or all(map(listens, ports)), f"{name} to listen")
    if process.poll() is not None:
        said = (folder / f"{command[0]}.log").read_text("utf-8", errors="replace")
        message = f"{name} ended with status {process.returncode}; it said:\n{said}"
        raise AssertionError(message)
    return relay


def _stunnel(path: Path, relay: TlsRelay, plain: int) -> tuple[Sequence[str], str]:
    text = "foreground = yes\npid =\nsyslog = no\n"
    for there, here in relay.puts_on.items():
        text += f"""
            [to-{there}]
            client = yes
            accept = 127.0.0.1:{here}
            connect = 127.0.0.1:{there}
            CAfile = {AUTHORITY}
            verifyChain = yes
            checkHost = {SERVER_NAME}
        """
    text += f"""
        [from]
        accept = 127.0.0.1:{relay.takes_off}
        connect = 127.0.0.1:{plain}
        cert = {SERVER[0]}
        key = {SERVER[1]}
    """
    return ["stunnel4", str(path)], text


def _haproxy(path: Path, relay: TlsRelay, plain: int) -> tuple[Sequence[str], str]:
    both = path.with_suffix(".pem")
    both.write_text("".join(Path(part).read_text("ascii") for part in SERVER), encoding="ascii")
    trust = f"ssl verify required ca-file {AUTHORITY} verifyhost {SERVER_NAME}"
    text = "defaults\n mode tcp\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n"
    for there, here in relay.puts_on.items():
        text += f"""
            listen to-{there}
                bind 127.0.0.1:{here}
                server there 127.0.0.1:{there} {trust}
        """
    text += f"""
        listen from
            bind 127.0.0.1:{relay.takes_off} ssl crt {both}
            server there 127.0.0.1:{plain}
    """
    return ["haproxy", "-f", str(path)], text


def _nginx(path: Path, relay: TlsRelay, plain: int) -> tuple[Sequence[str], str]:
    to = "".join(
        f"""
            server {{
                listen 127.0.0.1:{here};
                proxy_pass 127.0.0.1:{there};
                proxy_ssl on;
                proxy_ssl_protocols TLSv1.2 TLSv1.3;
                proxy_ssl_verify on;
                proxy_ssl_trusted_certificate {AUTHORITY};
                proxy_ssl_name {SERVER_NAME};
            }}
        """
        for there, here in relay.puts_on.items()
    )
    text = f"""
        load_module {_NGINX_STREAM};
        daemon off;
        master_process off;
        pid {path.with_suffix(".pid")};
        error_log stderr;
        events {{}}
        stream {{
            proxy_half_close on;
            {to}
            server {{
                listen 127.0.0.1:{relay.takes_off} ssl;
                ssl_protocols TLSv1.2 TLSv1.3;
                ssl_certificate {SERVER[0]};
                ssl_certificate_key {SERVER[1]};
                proxy_pass 127.0.0.1:{plain};
            }}
        }}
    """
    return ["nginx", "-e", "stderr", "-c", str(path)], text


_NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"  # where Debian has it
_Way = Callable[[Path, TlsRelay, int], tuple[Sequence[str], str]]
_WAYS: Mapping[str, _Way] = {"stunnel": _stunnel, "haproxy": _haproxy, "nginx": _nginx}
RELAYS = tuple(_WAYS)
"""Their names."""
