"""Closing connections on the page, over TLS with certificates of clients, and attacks on that."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from pipetwist.control.selection import MAX_NAMES
from pipetwist.control.tokens import TOKEN_SECONDS
from pipetwist.errors import StartError
from pipetwist.web.options import WebOptions, WebTlsOptions
from tests.control.case import ControlCase
from tests.support.certificates import Authority

_SECONDS = 60


class ClosingTest(ControlCase):
    """A page that may close connections."""

    def setUp(self) -> None:
        """Two CAs, and certificates of the server and of two clients."""
        super().setUp()
        self.authority = Authority(self.folder, "ca")
        self.clients = Authority(self.folder, "clients-ca")
        self.certificate, self.key = self.authority.issue("server")
        self.alice = self.clients.issue("alice")
        self.bob = self.clients.issue("bob")

    def metrics(self, **options: Any) -> WebOptions:
        """The HTTP listener, with certificates of clients unless the options say otherwise."""
        tls = WebTlsOptions(
            certificate_path=str(self.certificate),
            key_path=str(self.key),
            **{"client_certificate_path": str(self.clients.path), **options},
        )
        return WebOptions(listen="127.0.0.1:0", tls=tls)

    async def serve(self) -> str:
        """Start the tree with one connection; its id."""
        self.start(self.metrics(), page=True)
        self.connected = await self.connect()
        snapshot = json.loads((await self.ask("GET", "/api/snapshot"))[1])
        (row,) = snapshot["connections"]["rows"]
        return f"{row['id']}@{round(snapshot['started'] * 1000)}"

    @property
    def origin(self) -> str:
        """The page's."""
        return f"https://{self.tree.web.address}"

    async def ask(
        self,
        method: str,
        path: str,
        pair: tuple[Path, Path] | None = None,
        **headers: str,
    ) -> tuple[int, str]:
        """Make a request with a certificate, by default alice's; its status and body."""
        port = self.tree.web.address.port

        def ask() -> tuple[int, str]:
            context = ssl.create_default_context(cafile=str(self.authority.path))
            context.load_cert_chain(*map(str, pair or self.alice))
            connection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=_SECONDS, context=context
            )
            try:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                connection.request(method, path, headers=named)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            finally:
                connection.close()

        return await deferToThread(ask)

    async def token(self, pair: tuple[Path, Path] | None = None) -> str:
        """A token, as the page gets it."""
        status, body = await self.ask("GET", "/api/token", pair, Sec_Fetch_Site="same-origin")
        self.assertEqual(status, 200)
        token: str = json.loads(body)["token"]
        return token

    async def close(self, what: str, method: str = "POST", **headers: str) -> tuple[int, str]:
        """Ask for a close as the page does, but for these headers; an empty one is left out."""
        good = {
            "Origin": self.origin,
            "Sec_Fetch_Site": "same-origin",
            "X_Pipetwist_Token": await self.token(),
        }
        said = {name: value for name, value in {**good, **headers}.items() if value}
        return await self.ask(method, f"/api/close?{what}", self.alice, **said)

    async def refuse(self, status: int, calling: Any) -> str:
        """A call is refused with this status, and the connection stays."""
        answered, text = await calling
        self.assertEqual(answered, status, text)
        self.assertEqual(self.tree.relay.open_connections, 1)
        return str(text)

    async def test_close(self) -> None:
        """The page closes a connection; its line, and another, say whose certificate it was."""
        one = await self.serve()
        status, body = await self.close(f"id={one}&id=9%409")
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body), {"closed": 1, "unknown_ids": ["9@9"]})
        await self.assertClosed(self.connected)
        who = 'the certificate "alice" at 127.0.0.1 on the page'
        (line,) = [line for line in self.lines if line.startswith("1 in -> echo")]
        self.assertTrue(line.endswith(f"closed by {who}"), line)
        self.assertIn(f"control: {who} closed 1 connection: id {one} or 9@9", self.lines)

    async def test_other_origin(self) -> None:
        """Another origin, none, two, and one that only looks alike are refused, and the log says
        so.
        """
        one = await self.serve()
        port = self.tree.web.address.port
        for origin in (
            "",
            "null",
            "https://evil.example",
            f"http://127.0.0.1:{port}",
            f"https://127.0.0.1:{port}.evil.example",
            f"https://127.0.0.1:{port}/",
            f"https://127.0.0.1:{port + 1}",
            f"https://localhost:{port}",
            f"{self.origin}, {self.origin}",
        ):
            text = await self.refuse(403, self.close(f"id={one}", Origin=origin))
            self.assertIn("its Origin is not this page's", text)
        self.assertTrue(any(line.startswith("page: a request of 127.0.0.1") for line in self.lines))

    async def test_other_host(self) -> None:
        """A name that is made to lead here is refused, though its origin agrees with it."""
        one = await self.serve()
        named = {"Host": "evil.example", "Origin": "https://evil.example"}
        await self.refuse(403, self.close(f"id={one}", **named))

    async def test_other_site(self) -> None:
        """What a browser says that another site has asked for is refused, also a token."""
        one = await self.serve()
        for site in ("cross-site", "same-site", "none"):
            await self.refuse(403, self.close(f"id={one}", Sec_Fetch_Site=site))
            await self.refuse(403, self.ask("GET", "/api/token", Sec_Fetch_Site=site))

    async def test_token(self) -> None:
        """A token that is missing, wrong, of another certificate, too old or of an earlier run is
        refused.
        """
        one = await self.serve()
        tokens = self.tree.web._root.children[b"api"].children[b"close"].tokens
        now = tokens._seconds
        tokens._seconds = lambda: now() - TOKEN_SECONDS - 1
        old = await self.token()
        tokens._seconds = now
        for token in ("", "x", "0" * 99, await self.token(self.bob), old):
            text = await self.refuse(403, self.close(f"id={one}", X_Pipetwist_Token=token))
            self.assertIn("load the page again", text)
        earlier = await self.token()
        await self.tree.stopService()
        self.lines.clear()
        one = await self.serve()
        await self.refuse(403, self.close(f"id={one}", X_Pipetwist_Token=earlier))

    async def test_method(self) -> None:
        """Only POST closes, and only there: GET, which a link or an image makes, is refused."""
        one = await self.serve()
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            await self.refuse(405, self.close(f"id={one}", method))
        for path in ("/", "/metrics", "/api/snapshot", "/api/token", "/api/none"):
            await self.refuse(405, self.ask("POST", path, Origin=self.origin))

    async def test_ids(self) -> None:
        """Ids of an earlier run close nothing; what is no id, or another argument, is refused."""
        one = await self.serve()
        number = one.partition("@")[0]
        status, body = await self.close(f"id={number}@1")
        self.assertEqual((status, json.loads(body)["closed"]), (200, 0))
        for what in ("", f"id={number}", "id=%0a", "id=*", "user=alice", f"id={one}&x=1"):
            await self.refuse(400, self.close(what))
        await self.refuse(400, self.close("&".join(["id=1@1"] * (MAX_NAMES + 1))))

    async def test_body(self) -> None:
        """A form of another site, whose arguments are in its body, is refused unread."""
        one = await self.serve()
        port = self.tree.web.address.port
        token = await self.token()

        def send() -> int:
            context = ssl.create_default_context(cafile=str(self.authority.path))
            context.load_cert_chain(*map(str, self.alice))
            connection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=_SECONDS, context=context
            )
            try:
                named = {
                    "Origin": self.origin,
                    "X-Pipetwist-Token": token,
                    "Content-Type": "application/x-www-form-urlencoded",
                }
                connection.request("POST", "/api/close", body=f"id={one}", headers=named)
                return connection.getresponse().status
            finally:
                connection.close()

        self.assertEqual(await deferToThread(send), 413)
        self.assertEqual(self.tree.relay.open_connections, 1)

    async def test_odd_certificate(self) -> None:
        """A certificate's name that looks like lines of the log stays on one line."""
        one = await self.serve()
        odd = self.clients.issue("eve\n2 in -> echo: closed\x1b[2J")
        named = {
            "Origin": self.origin,
            "X_Pipetwist_Token": await self.token(odd),
        }
        status, _ = await self.ask("POST", f"/api/close?id={one}", odd, **named)
        self.assertEqual(status, 200)
        await self.assertClosed(self.connected)
        said = [line for line in self.lines if "eve" in line]
        self.assertEqual(len(said), 2)
        for line in said:
            self.assertTrue(line.isprintable(), line)

    async def test_turned_off(self) -> None:
        """Where the configuration does not allow it, the calls are not there."""
        self.start(self.metrics())
        self.connected = await self.connect()
        await self.refuse(404, self.ask("GET", "/api/token"))
        await self.refuse(405, self.ask("POST", "/api/close?id=1@1", Origin=self.origin))

    def test_refused(self) -> None:
        """A tree that is built without a file is refused where the page would not know who asks."""
        for metrics in (
            None,
            WebOptions(listen="127.0.0.1:0"),
            self.metrics(client_certificate_path=None),
            self.metrics(enabled=False),
        ):
            error = self.assertRaises(StartError, self.start, metrics, page=True)
            self.assertTrue(str(error).startswith("control.page: "), str(error))
