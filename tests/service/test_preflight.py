"""What is looked for on the machine before a start, and that a start fails for the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from pipetwist.service.preflight import preflight_problems
from pipetwist.storage.store import FileCounterStore
from tests.support.certificates import Authority
from tests.support.documents import EXAMPLES, full
from tests.support.scratch import scratch_folder


class PresenceTest(SynchronousTestCase):
    """A document, in a folder where there is nothing."""

    def setUp(self) -> None:
        """Choose the folder."""
        self.folder = scratch_folder(self)

    def preflight_problems(self, document: dict[str, Any]) -> list[str]:
        """What is missing."""
        import json

        return preflight_problems(parse_document(json.dumps(document), self.folder, "test.json"))

    def document(self) -> dict[str, Any]:
        """A document that needs something everywhere."""
        server = {
            "certificate_path": "server.pem",
            "key_path": "server.key",
            "client_certificate_path": "ca.pem",
        }
        return {
            "inbounds": [
                {"type": "unix", "tag": "a", "path": "sockets/a.sock"},
                {"type": "unixgram", "tag": "b", "path": "sockets/b.sock"},
                {"type": "unix", "tag": "c", "path": "@abstract"},
                {"type": "tcp", "tag": "d", "listen_port": 0, "tls": server},
            ],
            "outbounds": [
                {"type": "fork", "tag": "e", "command": ["bin/tool"]},
                {"type": "fork", "tag": "f", "command": [sys.executable], "cwd": "work"},
                {
                    "type": "tcp",
                    "tag": "g",
                    "server": "example.org",
                    "server_port": 1,
                    "tls": {"enabled": True, "certificate_path": "ca.pem"},
                },
                {
                    "type": "tcp",
                    "tag": "h",
                    "server": "example.org",
                    "server_port": 1,
                    "tls": {"certificate_path": "ca.pem"},
                },
                {"type": "udp", "tag": "i", "server": "127.0.0.1", "server_port": 1},
            ],
            "route": {"rules": [{"inbound": ["b"], "outbound": "i"}], "final": "e"},
            "experimental": {
                "v2ray_api": {
                    "listen": "unix:api/api.sock",
                    "stats": {"store": "state/counters.db"},
                }
            },
            "log": {"connections": "records/connections.jsonl"},
            "metrics": {"listen": "127.0.0.1:9100", "tls": server},
        }

    def test_everything_missing(self) -> None:
        """Each is told, in the words of a start that fails for it; TLS that is off needs no
        file.
        """
        here = self.folder
        self.assertEqual(
            self.preflight_problems(self.document()),
            [
                f"inbound a: there is no folder {here}/sockets; make it first",
                f"inbound b: there is no folder {here}/sockets; make it first",
                (
                    f"inbound d: tls.certificate_path: {here}/server.pem can't be read: No such "
                    "file or directory"
                ),
                f"outbound e: there is no command {here}/bin/tool",
                f"outbound f: cwd: there is no folder {here}/work",
                (
                    f"outbound g: tls.certificate_path: {here}/ca.pem can't be read: No such file "
                    "or directory"
                ),
                f"experimental.v2ray_api.listen: there is no folder {here}/api; make it first",
                (
                    f"experimental.v2ray_api.stats.store: there is no folder {here}/state; make "
                    "it first"
                ),
                f"log.connections: there is no folder {here}/records; make it first",
                (
                    f"metrics: tls.certificate_path: {here}/server.pem can't be read: No such "
                    "file or directory"
                ),
            ],
        )

    def test_nothing_missing(self) -> None:
        """Where all is there nothing is reported."""
        for name in ("sockets", "bin", "work", "api", "state", "records"):
            (self.folder / name).mkdir()
        (self.folder / "bin" / "tool").symlink_to(sys.executable)
        Authority(self.folder, "ca").issue("server")
        self.assertEqual(self.preflight_problems(self.document()), [])

    def test_store(self) -> None:
        """A file of counters is read: one that a start would refuse is reported, one of a daemon
        that runs is not.
        """
        label = "experimental.v2ray_api.stats.store"
        path = self.folder / "state" / "counters.db"
        path.parent.mkdir()

        def told() -> list[str]:
            return [
                fault
                for fault in self.preflight_problems(self.document())
                if fault.startswith(label)
            ]

        path.mkdir()
        self.assertEqual(
            told(), [f"{label}: {path}: this is no file; choose another path for the counters"]
        )
        path.rmdir()
        path.write_bytes(b"something else")
        self.assertIn(f"{label}: {path}: the file is not a file of counters.", told()[0])
        path.unlink()
        store = FileCounterStore(path, lambda name, error: None)
        store.open()
        store.counter("name").add(1)
        self.assertEqual(told(), [])
        store.detach()
        store.close()
        self.patch(os, "access", lambda path, mode: mode != os.W_OK)
        self.assertEqual(told(), [f"{label}: {path} may not be written by this user"])

    def test_api_with_tls(self) -> None:
        """The API's certificate is looked at too, and whether the key is its own."""
        document = self.document()
        document["experimental"]["v2ray_api"] = {
            "listen": "127.0.0.1:0",
            "tls": {"certificate_path": "server.pem", "key_path": "other.key"},
        }
        authority = Authority(self.folder, "ca")
        authority.issue("server")
        authority.issue("other")
        found = [
            fault for fault in self.preflight_problems(document) if fault.startswith("experimental")
        ]
        self.assertEqual(len(found), 1)
        self.assertIn("key values mismatch", found[0])

    def test_examples(self) -> None:
        """What `make run` starts needs nothing that is not there; a document with every key can be
        looked at.
        """
        text = (EXAMPLES / "pipetwist.json").read_text(encoding="utf-8")
        self.assertEqual(
            preflight_problems(parse_document(text, Path(EXAMPLES), "pipetwist.json")), []
        )
        self.assertTrue(self.preflight_problems(full()))
