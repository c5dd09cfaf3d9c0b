"""docs/cookbook.md: each recipe, saved and typed as it stands there, gives what it shows."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT, Block, blocks, headings
from tests.support.peers import need
from tests.support.scratch import free_datagram_port, free_port
from tests.support.stranger import needs_root
from tests.support.terminal import Terminal

_DOCUMENT = "docs/cookbook.md"
_PORT = re.compile(r"\b10\d{3}\b")
_DATAGRAMS = {"10053", "10054"}
_SSHD = "/usr/sbin/sshd"


class Recipe(NamedTuple):
    """A recipe and its test.

    Attributes:
        heading: its section of the document.
        behaviour: what its test shows, in one sentence.
        program: one that it needs, which none of its commands names.
    """

    heading: str
    behaviour: str
    program: str | None = None


_RECIPES = {
    "transport": Recipe(
        "Your own transport",
        "A script of one's own is the wire, and what is on the wire can be seen.",
    ),
    "ncat": Recipe("ncat as a transport", "An ncat for each connection leads to the service."),
    "users": Recipe(
        "Accounting for each user",
        "The kernel says who it is, who is routed and counted.",
    ),
    "fifty": Recipe(
        "Fifty users in a file",
        "Who is in the file comes in, who is no longer does not, and a mistake changes nothing.",
    ),
    "ending": Recipe(
        "Ending a user now",
        "Whoever is closed is out, the log says who did it, and whoever is removed stays out.",
    ),
    "shares": Recipe("Equal shares of a plug-in", "A user gets what it may, and takes as long."),
    "month": Recipe(
        "Slower instead of off",
        "A user is slower when its day's share is used up, and off when the month's is.",
    ),
    "guest": Recipe("A guest that expires", "A guest whose date has come is out, and stays out."),
    "store": Recipe("Counters that survive", "Nothing that was counted is lost by a kill."),
    "ssh": Recipe(
        "SSH through a pipe",
        "A client of SSH reaches an sshd that pipetwist starts for it.",
        _SSHD,
    ),
    "via": Recipe(
        "Through a proxy",
        "A service is reached by an SSH client's proxy.",
        _SSHD,
    ),
    "obfs": Recipe("HTTP on the wire", "A stream goes through what looks like HTTP.", "obfs-local"),
    "websocket": Recipe(
        "A WebSocket on the wire",
        "A stream goes through a WebSocket.",
        "ss-v2ray-plugin",
    ),
    "obfs4": Recipe(
        "obfs4 without Tor",
        "A stream goes through obfs4, and the server knows its client.",
        "obfs4proxy",
    ),
    "tls": Recipe(
        "TLS in front of a unix service",
        "A client that trusts the certificate alone is served.",
    ),
    "certificates": Recipe(
        "Clients with certificates",
        "A client with a certificate comes in, and the log has its name.",
    ),
    "dns": Recipe(
        "DNS through a unix pipe",
        "A question goes through the pipe, and its answer back.",
    ),
    "reload": Recipe(
        "A reload without interruption",
        "Open connections continue, and new ones use the new configuration.",
    ),
    "activation": Recipe("Socket activation", "The first client starts the daemon."),
    "late": Recipe(
        "A service that starts late",
        "A client that comes before its server is served.",
    ),
    "real": Recipe(
        "Real addresses through nginx to V2Ray",
        "V2Ray, behind two relays, logs the client's own address.",
    ),
    "web": Recipe("Inside a web service", "A page shows what was carried."),
    "prometheus": Recipe(
        "One Prometheus for two relays",
        "Prometheus adds what two relays have carried.",
    ),
}
"""By the name of the test."""

_AS_OTHERS = {
    "users": "Another user is alice.",
    "fifty": "Another user believes its own file.",
    "ending": "Another user may close the connections of its daemon.",
    "obfs": "Another user may start obfs-server, whose sockets are hidden from it.",
    "dns": "Another user may start dnsmasq.",
    "real": "Another user may start nginx.",
}
"""Those that depend on who types them, and what is shown of them."""

_HEADINGS = [recipe.heading for recipe in _RECIPES.values()]

_PACKAGES = {
    "ncat": "ncat", "socat": "socat", "openssl": "openssl", "nginx": "nginx", "v2ray": "v2ray",
    "dig": "bind9-dnsutils", "dnsmasq": "dnsmasq-base", "ssh-keygen": "openssh-client",
    "sshd": "openssh-server", "prometheus": "prometheus", "obfs-local": "simple-obfs",
    "ss-v2ray-plugin": "shadowsocks-v2ray-plugin", "obfs4proxy": "obfs4proxy",
    "systemd-socket-activate": "systemd",
}  # fmt: skip
"""Debian's packages of the programs that recipes use."""


class RecipeCase(SynchronousTestCase):
    """Types a recipe.

    Attributes:
        user: who types; None for this process's own user.
    """

    user: pwd.struct_passwd | None = None

    def type_recipe(self, recipe: Recipe) -> None:
        """Save the files of a recipe, and type its commands."""
        if recipe.program is not None:
            need(recipe.program)
        if recipe.program == _SSHD:
            self._make_folder()
        section = [block for block in blocks(_DOCUMENT) if block.heading == recipe.heading]
        terminal = Terminal(self, self._ports(section), self.user)
        typed = 0
        for block in section:
            if block.language == "console":
                terminal.type(block)
                typed += 1
            else:
                terminal.save(block)
        self.assertEqual(typed, 1)

    def _make_folder(self) -> None:
        """As root an sshd wants an empty folder, which its service makes when it starts."""
        folder = Path("/run/sshd")
        if os.getuid() == 0 and not folder.exists():
            folder.mkdir(mode=0o755)
            self.addCleanup(folder.rmdir)

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
        self.assertEqual(headings(text)[1:], _HEADINGS)
        self.assertEqual(re.findall(r"^\| \[(.+?)\]", text, re.MULTILINE), _HEADINGS)

    def test_needs(self) -> None:
        """Every recipe says what it needs of Debian, and names no program that it does not say."""
        text = (ROOT / _DOCUMENT).read_text(encoding="utf-8")
        rows = re.findall(r"^\| \[(.+?)\].* \| `([^`]+)` \|$", text, re.MULTILINE)
        self.assertEqual([name for name, _ in rows], _HEADINGS)
        for name, needs in rows:
            shown = "\n".join(block.text for block in blocks(_DOCUMENT) if block.heading == name)
            for program, package in _PACKAGES.items():
                if re.search(rf"(?<![\w-]){program}(?![\w-])", shown):
                    self.assertIn(package, needs.split(), (name, program))


@needs_root
class OtherUserTest(RecipeCase):
    """The recipes that depend on who types them, as a user who is not root."""

    def setUp(self) -> None:
        """Be one whom every system has."""
        self.user = pwd.getpwnam("daemon")


def _test_of(recipe: Recipe, behaviour: str) -> Callable[[RecipeCase], None]:
    def test(self: RecipeCase) -> None:
        self.type_recipe(recipe)

    test.__doc__ = behaviour
    return test


for _name, _recipe in _RECIPES.items():
    setattr(CookbookTest, f"test_{_name}", _test_of(_recipe, _recipe.behaviour))
for _name, _behaviour in _AS_OTHERS.items():
    setattr(OtherUserTest, f"test_{_name}", _test_of(_RECIPES[_name], _behaviour))
