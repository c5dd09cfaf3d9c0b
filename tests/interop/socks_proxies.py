"""Proxies of others: each starts on a port of its own, and says by which keys it is reached."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.peers import need, start_peer
from tests.support.scratch import free_port, listens, wait_until

__all__ = ["microsocks", "ssh", "v2ray"]

_USER = {"username": "alice", "password": "secret"}
_ACCOUNT = {"user": "alice", "pass": "secret"}


def microsocks(case: SynchronousTestCase, folder: Path, *, password: bool) -> dict[str, object]:
    """A microsocks, with a password or without."""
    port = free_port(case)
    login = ["-u", _USER["username"], "-P", _USER["password"]] if password else []
    command = [need("microsocks"), "-i", "127.0.0.1", "-p", str(port), *login]
    start_peer(case, command, folder)
    wait_until(lambda: listens(port), "microsocks to listen")
    return _via("socks", port, _USER if password else {})


def v2ray(
    case: SynchronousTestCase, folder: Path, protocol: str, *, password: bool
) -> dict[str, object]:
    """A V2Ray's inbound ``socks`` or ``http``, with a password or without."""
    port = free_port(case)
    settings: dict[str, object] = {"accounts": [_ACCOUNT]} if password else {}
    if protocol == "socks":
        settings["auth"] = "password" if password else "noauth"
    document = {
        "inbounds": [
            {"listen": "127.0.0.1", "port": port, "protocol": protocol, "settings": settings}
        ],
        "outbounds": [{"protocol": "freedom"}],
    }
    path = folder / f"v2ray-{protocol}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    start_peer(case, [need("v2ray"), "-config", str(path)], folder)
    wait_until(lambda: listens(port), "V2Ray to listen")
    return _via(protocol, port, _USER if password else {})


def ssh(case: SynchronousTestCase, folder: Path) -> dict[str, object]:
    """An ``ssh -D``, which has started its own sshd."""
    if os.getuid() == 0 and not Path("/run/sshd").exists():
        Path("/run/sshd").mkdir(mode=0o755)
        case.addCleanup(Path("/run/sshd").rmdir)
    for key in ("host_key", "user_key"):
        make = [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(make, check=True, timeout=60)
    host_key = (folder / "host_key.pub").read_text(encoding="ascii").split()
    (folder / "known_hosts").write_text(" ".join(("server", *host_key[:2])), encoding="ascii")
    (folder / "sshd.conf").write_text(
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/user_key.pub\n"
        "StrictModes no\nUsePAM no\n",
        encoding="ascii",
    )
    port = free_port(case)
    options = {
        "UserKnownHostsFile": folder / "known_hosts",
        "ProxyCommand": f"{need('/usr/sbin/sshd')} -i -e -f {folder}/sshd.conf",
        "ExitOnForwardFailure": "yes",
        "BatchMode": "yes",
    }
    user = pwd.getpwuid(os.getuid()).pw_name
    start_peer(
        case,
        [
            *(need("ssh"), "-F", "none", "-N", "-i", str(folder / "user_key")),
            *(word for key, value in options.items() for word in ("-o", f"{key}={value}")),
            *("-D", f"127.0.0.1:{port}", f"{user}@server"),
        ],
        folder,
    )
    wait_until(lambda: listens(port), "ssh to listen")
    return _via("socks", port, {})


def _via(type_: str, port: int, user: Mapping[str, str]) -> dict[str, object]:
    return {"type": type_, "server": "127.0.0.1", "server_port": port, **user}
