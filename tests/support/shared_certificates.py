"""The certificates of all these tests, made once."""

from __future__ import annotations

import atexit
import shutil
import ssl
import tempfile
from functools import cache
from pathlib import Path

from cryptography.x509 import DNSName

from tests.support.certificates import Authority

__all__ = [
    "AUTHORITY",
    "CLIENT",
    "CLIENT_NAME",
    "EXPIRED",
    "MISNAMED",
    "SERVER",
    "SERVER_NAME",
    "STRANGER",
    "client_context",
    "server_context",
]

SERVER_NAME = "localhost"
CLIENT_NAME = "alice's computer"

_folder = Path(tempfile.mkdtemp(prefix="pt-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_authority = Authority(_folder, "authority")

AUTHORITY = str(_authority.path)
"""The file of the CA that signed the others."""
SERVER = tuple(map(str, _authority.issue(SERVER_NAME)))
"""A server's certificate, and its key's file."""
CLIENT = tuple(map(str, _authority.issue(CLIENT_NAME)))
"""A client's certificate, and its key's file."""
EXPIRED = tuple(map(str, _authority.issue("expired", expired=True)))
"""The same of that server and of a client, when their time is over."""
MISNAMED = tuple(map(str, _authority.issue("other", names=[DNSName("other.example")])))
"""The same of another server."""
(_folder / "stranger").mkdir()
STRANGER = tuple(map(str, Authority(_folder / "stranger", "stranger").issue(SERVER_NAME)))
"""The same of that server and of a client, by a CA that nobody trusts."""


@cache
def client_context(shown: tuple[str, ...] | None = CLIENT) -> ssl.SSLContext:
    """What a client shows, if it does, and whom it trusts."""
    context = ssl.create_default_context(cafile=AUTHORITY)
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


@cache
def server_context(shown: tuple[str, ...] = SERVER) -> ssl.SSLContext:
    """What a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown)
    return context
