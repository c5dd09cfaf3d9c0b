"""Documents to test with, and what the reading says of them."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from pipetwist.config.document import Document
from pipetwist.config.reading import parse_document
from pipetwist.errors import ConfigError

__all__ = ["EXAMPLES", "FOLDER", "full", "problems", "read", "small"]

_PLACE = re.compile(r"test\.json:[0-9]+:[0-9]+: ")
FOLDER = Path("/etc/pipetwist")
EXAMPLES = Path(__file__).parents[2] / "etc"

_SMALL: dict[str, Any] = {
    "inbounds": [{"type": "unix", "tag": "in", "path": "in.sock"}],
    "outbounds": [{"type": "fork", "tag": "out", "command": ["cat"]}],
}

_FULL: dict[str, Any] = {
    "log": {"level": "warn", "format": "json"},
    "inbounds": [
        {
            "type": "unix",
            "tag": "pipe-in",
            "path": "/run/in.sock",
            "mode": "0660",
            "owner": 0,
            "group": "proxy",
            "users": [{"name": "alice", "uid": 1000}, {"name": "staff", "gid": 50}],
            "idle_timeout": "1h",
            "half_close_timeout": "1m30s",
        },
        {
            "type": "tcp",
            "tag": "tcp-in",
            "listen": "::1",
            "listen_port": 10080,
            "tcp_keep_alive": "1m",
            "tcp_keep_alive_interval": "10s",
            "tls": {
                "enabled": True,
                "certificate_path": "a.pem",
                "key_path": "a.key",
                "client_certificate_path": "ca.pem",
                "client_crl_path": "crl.pem",
                "min_version": "1.2",
                "max_version": "1.3",
                "cipher_suites": ["TLS_RSA_WITH_AES_128_GCM_SHA256"],
                "alpn": ["h2", "http/1.1"],
            },
            "users": [
                {"name": "bob", "certificate_name": "bob.example.org"},
                {"name": "carol", "certificate_san": "email:carol@example.org"},
            ],
        },
        {"type": "endpoint", "tag": "activated", "endpoint": "systemd:domain=UNIX:name=pipe"},
    ],
    "outbounds": [
        {
            "type": "unix",
            "tag": "plugin",
            "path": "@@plugin",
            "connect_timeout": "500ms",
            "transfer": "stream",
        },
        {
            "type": "fork",
            "tag": "tool",
            "command": ["bin/tool", "--flag"],
            "env": {"KEY": "value"},
            "inherit_env": True,
            "cwd": "work",
            "user": "nobody",
            "kill_grace": "2s",
            "reset_on_failure": True,
            "max_processes": 3,
        },
        {
            "type": "tcp",
            "tag": "secure",
            "server": "example.org",
            "server_port": 443,
            "disable_tcp_keep_alive": True,
            "tls": {
                "enabled": True,
                "server_name": "example.net",
                "certificate_path": "ca.pem",
                "alpn": ["h2"],
            },
        },
        {"type": "endpoint", "tag": "any", "endpoint": "tcp:127.0.0.1:80"},
    ],
    "route": {
        "rules": [{"inbound": ["tcp-in"], "auth_user": ["bob"], "outbound": "tool"}],
        "final": "secure",
    },
    "transfer": "kernel",
    "drain_timeout": "10s",
    "control": {
        "listen": "127.0.0.1:10086",
        "tls": {
            "certificate_path": "a.pem",
            "key_path": "a.key",
            "client_certificate_path": "ca.pem",
        },
        "page": True,
    },
    "metrics": {
        "listen": "127.0.0.1:9100",
        "insecure": False,
        "tls": {
            "enabled": True,
            "certificates": [
                {"certificate_path": "a.pem", "key_path": "a.key"},
                {"certificate_path": "b.pem", "key_path": "b.key"},
            ],
            "client_certificate_path": "ca.pem",
        },
        "hosts": ["relay.example.org"],
    },
    "experimental": {
        "v2ray_api": {
            "listen": "127.0.0.1:10085",
            "listen_mode": "0666",
            "insecure": True,
            "tls": {
                "certificate_path": "a.pem",
                "key_path": "a.key",
                "client_certificate_path": "ca.pem",
            },
            "stats": {
                "enabled": True,
                "inbounds": ["pipe-in"],
                "outbounds": ["plugin"],
                "users": ["alice", "bob"],
            },
        }
    },
}


def small() -> dict[str, Any]:
    """A good document with nothing in it that can be left out; it can be changed."""
    return copy.deepcopy(_SMALL)


def full() -> dict[str, Any]:
    """A good document with every key in it; it can be changed."""
    return copy.deepcopy(_FULL)


def read(document: object, platform: str = "linux") -> Document:
    """Read a document as if it stood in a file."""
    return parse_document(json.dumps(document), FOLDER, "test.json", platform=platform)


def problems(document: object, platform: str = "linux") -> list[str]:
    """What the reading says is wrong with a document; each is checked to begin with the file's
    name, and its place where the file is JSON.
    """
    try:
        read(document, platform)
    except ConfigError as error:
        lines = str(error).split("\n")
        for line in lines:
            assert _PLACE.match(line), line
        return [_PLACE.sub("", line) for line in lines]
    return []
