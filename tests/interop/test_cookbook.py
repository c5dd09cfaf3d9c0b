"""docs/cookbook.md: each recipe, saved and typed as it stands there, gives what it shows."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT, Block, blocks, headings
from tests.support.peers import need
from tests.support.scratch import free_datagram_port, free_port
from tests.support.stranger import needs_root
from tests.support.terminal import Terminal

_DOCUMENT = "docs/cookbook.md"
_PORT = re.compile(r"\b10\d{3}\b")
_DATAGRAMS = {"10053", "10054"}
_SOMEBODY = "64321"  # the number of a user who types nothing

_RECIPES = {
    "test_transport": "Your own transport",
    "test_ncat": "ncat as a transport",
    "test_users": "Accounting for each user",
    "test_fifty": "Fifty users in a file",
    "test_ending": "Ending a user now",
    "test_shares": "Equal shares of a plug-in",
    "test_month": "Slower instead of off",
    "test_guest": "A guest that expires",
    "test_store": "Counters that survive",
    "test_ssh": "SSH through a pipe",
    "test_via": "Through a proxy",
    "test_obfs": "HTTP on the wire",
    "test_websocket": "A WebSocket on the wire",
    "test_obfs4": "obfs4 without Tor",
    "test_tls": "TLS in front of a unix service",
    "test_certificates": "Clients with certificates",
    "test_dns": "DNS through a unix pipe",
    "test_reload": "A reload without interruption",
    "test_activation": "Socket activation",
    "test_late": "A service that starts late",
    "test_real": "Real addresses through nginx to V2Ray",
    "test_web": "Inside a web service",
    "test_prometheus": "One Prometheus for two relays",
}


_PACKAGES = {
    "ncat": "ncat", "socat": "socat", "openssl": "openssl", "nginx": "nginx", "v2ray": "v2ray",
    "dig": "bind9-dnsutils", "dnsmasq": "dnsmasq-base", "ssh-keygen": "openssh-client",
    "sshd": "openssh-server", "prometheus": "prometheus", "obfs-local": "simple-obfs",
    "ss-v2ray-plugin": "shadowsocks-v2ray-plugin", "obfs4proxy": "obfs4proxy",
    "systemd-socket-activate": "systemd",
}  # fmt: skip
"""Debian's packages of the programs that recipes use."""


class RecipeCase(SynchronousTestCase):
    """The test of a recipe has the name that `_RECIPES` has for it.

    Attributes:
        user: who types; None for this process's own user.
    """

    user: pwd.struct_passwd | None = None

    @property
    def uid(self) -> int:
        """The number of who types."""
        return os.getuid() if self.user is None else self.user.pw_uid

    def type_with_sshd(self) -> None:
        """Type a recipe that starts an sshd. As root that wants an empty folder, which its service
        makes when it starts.
        """
        need("/usr/sbin/sshd")
        folder = Path("/run/sshd")
        if self.uid == 0 and not folder.exists():
            folder.mkdir(mode=0o755)
            self.addCleanup(folder.rmdir)
        self.type_recipe()

    def type_recipe(self, instead: dict[str, str] | None = None) -> None:
        """Save the files of this test's recipe, and type its commands."""
        section = [
            block for block in blocks(_DOCUMENT) if block.heading == _RECIPES[self._testMethodName]
        ]
        terminal = Terminal(self, {**(instead or {}), **self._ports(section)}, self.user)
        typed = 0
        for block in section:
            if block.language == "console":
                terminal.type(block)
                typed += 1
            else:
                terminal.save(block)
        self.assertEqual(typed, 1)

    def _ports(self, section: list[Block]) -> dict[str, str]:
        """Free ones for those that the recipe names."""
        named = sorted({port for block in section for port in _PORT.findall(block.text)})
        return {
            port: str(free_datagram_port(self) if port in _DATAGRAMS else free_port(self))
            for port in named
        }


class CookbookTest(RecipeCase):
    """The recipes, each in a folder of its own, on ports of its own."""

    def test_recipes(self) -> None:
        """Every section is a recipe that is tried here, and is in the table."""
        text = (ROOT / _DOCUMENT).read_text(encoding="utf-8")
        self.assertEqual(headings(text)[1:], list(_RECIPES.values()))
        self.assertEqual(re.findall(r"^\| \[(.+?)\]", text, re.MULTILINE), list(_RECIPES.values()))

    def test_needs(self) -> None:
        """Every recipe says what it needs of Debian, and names no program that it does not say."""
        text = (ROOT / _DOCUMENT).read_text(encoding="utf-8")
        rows = re.findall(r"^\| \[(.+?)\].* \| `([^`]+)` \|$", text, re.MULTILINE)
        self.assertEqual([name for name, _ in rows], list(_RECIPES.values()))
        for name, needs in rows:
            shown = "\n".join(block.text for block in blocks(_DOCUMENT) if block.heading == name)
            for program, package in _PACKAGES.items():
                if re.search(rf"(?<![\w-]){program}(?![\w-])", shown):
                    self.assertIn(package, needs.split(), (name, program))

    def test_transport(self) -> None:
        """A script of one's own is the wire, and what is on the wire can be seen."""
        self.type_recipe()

    def test_ncat(self) -> None:
        """An ncat for each connection leads to the service."""
        self.type_recipe()

    def test_users(self) -> None:
        """The kernel says who it is, who is routed and counted."""
        self.type_recipe()

    def test_fifty(self) -> None:
        """Who is in the file comes in, who is no longer does not, and a mistake changes nothing."""
        self.type_recipe({"1000": str(self.uid)})

    def test_ending(self) -> None:
        """Whoever is closed is out, the log says who did it, and whoever is removed stays out."""
        self.type_recipe({"1001": _SOMEBODY, "1000": str(self.uid)})

    def test_shares(self) -> None:
        """A user gets what it may, and takes as long."""
        self.type_recipe({"1000": str(self.uid)})

    def test_month(self) -> None:
        """A user is slower when its day's share is used up, and off when the month's is."""
        self.type_recipe({"1000": str(self.uid)})

    def test_guest(self) -> None:
        """A guest whose date has come is out, and stays out."""
        self.type_recipe({"1000": str(self.uid)})

    def test_store(self) -> None:
        """Nothing that was counted is lost by a kill."""
        self.type_recipe()

    def test_ssh(self) -> None:
        """A client of SSH reaches an sshd that pipetwist starts for it."""
        self.type_with_sshd()

    def test_via(self) -> None:
        """A service is reached by an SSH client's proxy."""
        self.type_with_sshd()

    def test_obfs(self) -> None:
        """A stream goes through what looks like HTTP."""
        need("obfs-local")
        self.type_recipe()

    def test_websocket(self) -> None:
        """A stream goes through a WebSocket."""
        need("ss-v2ray-plugin")
        self.type_recipe()

    def test_obfs4(self) -> None:
        """A stream goes through obfs4, and the server knows its client."""
        need("obfs4proxy")
        self.type_recipe()

    def test_tls(self) -> None:
        """A client that trusts the certificate alone is served."""
        self.type_recipe()

    def test_certificates(self) -> None:
        """A client with a certificate comes in, and the log has its name."""
        self.type_recipe()

    def test_dns(self) -> None:
        """A question goes through the pipe, and its answer back."""
        self.type_recipe()

    def test_reload(self) -> None:
        """Open connections continue, and new ones use the new configuration."""
        self.type_recipe()

    def test_activation(self) -> None:
        """The first client starts the daemon."""
        self.type_recipe()

    def test_late(self) -> None:
        """A client that comes before its server is served."""
        self.type_recipe()

    def test_real(self) -> None:
        """V2Ray, behind two relays, logs the client's own address."""
        self.type_recipe()

    def test_web(self) -> None:
        """A page shows what was carried."""
        self.type_recipe()

    def test_prometheus(self) -> None:
        """Prometheus adds what two relays have carried."""
        self.type_recipe()


@needs_root
class OtherUserTest(RecipeCase):
    """The recipes that depend on who types them, as a user who is not root."""

    def setUp(self) -> None:
        """Be one whom every system has."""
        self.user = pwd.getpwnam("daemon")

    def test_users(self) -> None:
        """Another user is alice."""
        self.type_recipe()

    def test_fifty(self) -> None:
        """Another user believes its own file."""
        self.type_recipe({"1000": str(self.uid)})

    def test_ending(self) -> None:
        """Another user may close the connections of its daemon."""
        self.type_recipe({"1001": _SOMEBODY, "1000": str(self.uid)})

    def test_obfs(self) -> None:
        """Another user may start obfs-server, whose sockets are hidden from it."""
        need("obfs-local")
        self.type_recipe()

    def test_dns(self) -> None:
        """Another user may start dnsmasq."""
        self.type_recipe()

    def test_real(self) -> None:
        """Another user may start nginx."""
        self.type_recipe()
