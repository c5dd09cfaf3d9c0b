"""HAProxy and nginx in front of pipetwist, where they say who the client is in a header of the
PROXY protocol, and behind it, where they answer with what they were told.
"""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import accepts, free_port, listens, wait_until
from tests.support.shared_certificates import SERVER

__all__ = ["CLIENT_HOST", "NGINX_STREAM", "Back", "ask", "start_backs", "start_fronts"]

CLIENT_HOST = "127.0.0.9"
"""Where clients come from, so that nobody else is taken for one."""
NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"  # where Debian has it


class Back(NamedTuple):
    """Where a program is behind.

    Attributes:
        port: that it listens at.
        tls: the same with TLS.
        path: its unix socket.
    """

    port: int
    tls: int
    path: Path


def ask(port: int | Path, before: bytes = b"") -> tuple[str, str]:
    """Ask who this client is.

    Args:
        port: whom to ask; a path for a unix socket.
        before: what is sent before the question.

    Returns:
        The answer, and what would be right, where this has an address.
    """
    if isinstance(port, Path):
        client, own = socket.socket(socket.AF_UNIX), ""
        client.connect(str(port))
    else:
        client = socket.create_connection(("127.0.0.1", port), 60, (CLIENT_HOST, 0))
        own = f"{CLIENT_HOST} {client.getsockname()[1]}"
    with client:
        client.settimeout(60)
        client.sendall(before + b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := client.recv(9999):
            answer += data
    return answer.partition(b"\r\n\r\n")[2].decode(), own


def start_backs(case: SynchronousTestCase, folder: Path) -> Mapping[str, Back]:
    """Start both, behind, and wait until they listen; the test's clean-up ends them."""
    pem = folder / "back.pem"
    pem.write_text("".join(Path(part).read_text("ascii") for part in SERVER), encoding="ascii")
    backs = {
        name: Back(free_port(case), free_port(case), folder / f"{name}-back.sock")
        for name in ("nginx", "haproxy")
    }
    nginx, haproxy = backs["nginx"], backs["haproxy"]
    temporary = "\n".join(
        f"{kind}_temp_path {folder};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    _start_nginx(
        case,
        folder,
        "back",
        f"""
        http {{
            access_log off;
            {temporary}
            server {{
                listen 127.0.0.1:{nginx.port} proxy_protocol;
                listen 127.0.0.1:{nginx.tls} ssl proxy_protocol;
                listen unix:{nginx.path} proxy_protocol;
                ssl_certificate {SERVER[0]};
                ssl_certificate_key {SERVER[1]};
                return 200 "$proxy_protocol_addr $proxy_protocol_port";
            }}
        }}
        """,
    )
    _start_haproxy(
        case,
        folder,
        "back",
        f"""
        defaults
            mode http
            timeout connect 60s
            timeout client 60s
            timeout server 60s
        frontend back
            bind 127.0.0.1:{haproxy.port} accept-proxy
            bind 127.0.0.1:{haproxy.tls} accept-proxy ssl crt {pem}
            bind {haproxy.path} accept-proxy
            http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"
        """,
    )
    for back in backs.values():
        for port in (back.port, back.tls):
            wait_until(partial(listens, port), "them to listen")
        wait_until(partial(accepts, back.path), "them to listen")
    return backs


def start_fronts(
    case: SynchronousTestCase, folder: Path, targets: Iterable[tuple[str, str, bool]]
) -> Mapping[tuple[str, str], int]:
    """Start both, in front, and wait until they listen; the test's clean-up ends them.

    Args:
        case: the test.
        folder: where their files go.
        targets: the name of each inbound, its address as ``HOST:PORT`` or its socket's path, and
            whether it uses TLS.

    Returns:
        The port of each of ``haproxy 1``, ``haproxy 2`` and ``nginx`` in front of each inbound.
    """
    ports: dict[tuple[str, str], int] = {}
    haproxy = "defaults\n mode tcp\n timeout connect 60s\n timeout client 60s\n timeout server 60s"
    nginx = ""
    for name, address, tls in targets:
        at_haproxy = address if ":" in address else f"unix@{address}"
        for version, option in ((1, "send-proxy"), (2, "send-proxy-v2")):
            port = ports[f"haproxy {version}", name] = free_port(case)
            haproxy += f"""
            listen {name}-{version}
                bind 127.0.0.1:{port}
                server there {at_haproxy} {option} {"ssl verify none" if tls else ""}
            """
        port = ports["nginx", name] = free_port(case)
        nginx += f"""
            server {{
                listen 127.0.0.1:{port};
                proxy_pass {address if ":" in address else f"unix:{address}"};
                proxy_protocol on;
                proxy_ssl {"on" if tls else "off"};
            }}
        """
    _start_haproxy(case, folder, "front", haproxy)
    _start_nginx(case, folder, "front", f"stream {{\n{nginx}\n}}", stream=True)
    wait_until(lambda: all(map(listens, ports.values())), "them to listen")
    return ports


def _start_nginx(
    case: SynchronousTestCase, folder: Path, name: str, text: str, *, stream: bool = False
) -> None:
    path = folder / f"nginx-{name}.conf"
    path.write_text(
        f"{f'load_module {NGINX_STREAM};' if stream else ''}\n"
        f"daemon off;\nmaster_process off;\npid {path.with_suffix('.pid')};\n"
        f"error_log stderr;\nevents {{}}\n{text}",
        encoding="utf-8",
    )
    start_peer(case, [need("nginx"), "-e", "stderr", "-c", str(path)], folder)


def _start_haproxy(case: SynchronousTestCase, folder: Path, name: str, text: str) -> None:
    path = folder / f"haproxy-{name}.cfg"
    path.write_text(textwrap.dedent(text) + "\n", encoding="utf-8")
    start_peer(case, [need("haproxy"), "-f", str(path)], folder)
