"""The certificates of all these tests, made once."""

from __future__ import annotations

import atexit
import shutil
import ssl
import tempfile
from functools import cache
from pathlib import Path

from tests.support.certificates import Authority

__all__ = [
    "AUTHORITY",
    "CLIENT",
    "CLIENT_NAME",
    "SERVER",
    "SERVER_NAME",
    "client_context",
    "server_context",
    "stranger_context",
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


@cache
def client_context() -> ssl.SSLContext:
    """What a client shows, and whom it trusts."""
    context = ssl.create_default_context(cafile=AUTHORITY)
    context.load_cert_chain(*CLIENT)
    return context


@cache
def server_context() -> ssl.SSLContext:
    """What a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*SERVER)
    return context


@cache
def stranger_context() -> ssl.SSLContext:
    """What a server shows whose certificate names nobody's authority but its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = _folder / "stranger"
    folder.mkdir()
    context.load_cert_chain(*Authority(folder, "stranger").issue(SERVER_NAME))
    return context
