"""A file of users that is read again, by itself and with the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from pipetwist.config.reading import read_document
from pipetwist.files import mark_of
from pipetwist.service.file_reloader import FileReloader
from pipetwist.service.tree import PipetwistService
from tests.service.case import TreeTestCase


class ReloadUsersTest(TreeTestCase):
    """A tree with a unix inbound for everybody of the file."""

    def setUp(self) -> None:
        """Write both files, and start."""
        super().setUp()
        self.folder = Path(os.path.realpath(self.folder))
        self.folder.chmod(0o755)
        self.file = self.folder / "pipetwist.json"
        self.users_file = self.folder / "users.jsonl"
        self.write_users("me", "other")
        self.write()
        document = read_document(self.file)
        self.tree = PipetwistService(document, self.reactor, spawner=self.spawner)
        self.addCleanup(self.stop, self.tree)
        self.tree.startService()
        self.reloader = FileReloader(self.tree, str(self.file))

    def write(self, **more: Any) -> None:
        """Write the configuration."""
        document = {
            "inbounds": [{"type": "unix", "tag": "in", "path": "in", "users": "*"}],
            "outbounds": [{"type": "fork", "tag": "tool", "command": ["cat"]}],
            "users_file": "users.jsonl",
            **more,
        }
        self.file.write_text(json.dumps(document), encoding="utf-8")

    def write_users(self, *names: str) -> None:
        """Write the users; me is who runs this, and others are nobody."""
        lines = [
            json.dumps({"name": name, "uid": os.geteuid() if name == "me" else 65000 + number})
            for number, name in enumerate(names)
        ]
        self.users_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def reload_users(self) -> list[str]:
        """Have the users read again; what was logged."""
        with capturedLogs() as events:
            self.successResultOf(self.reloader.reload_users())
            self.turn()
        return [f"{event['log_level'].name}: {formatEvent(event)}" for event in events]

    def came(self) -> list[str | None]:
        """Who is connected."""
        connections = self.tree.relay.connection_table.connections()
        return [connection.client_info.user for connection in connections]

    def test_changed(self) -> None:
        """Users that come with the file may connect, and who goes with it is ended; the rest of
        the configuration is not read.
        """
        self.connect()
        self.assertEqual(self.came(), ["me"])
        self.write(outbounds=[])
        self.write_users("other", "third")
        said = self.reload_users()
        self.assertIn("info: configuration reloaded; users changed: 2 now", said)
        self.assertEqual(self.came(), [])
        self.assertEqual(self.connect().recv(1), b"")
        self.write_users("me")
        self.reload_users()
        self.connect()
        self.assertEqual(self.came(), ["me"])

    def test_bad(self) -> None:
        """A file that is missing, empty or bad changes nothing, and is one error with its line."""
        document = self.tree.document
        good = self.users_file.read_text(encoding="utf-8")
        for content, said in (
            (None, "the file can't be read: No such file or directory"),
            ("", "there is no user in it; write one a line"),
            (f"{good}nobody\n", "3:2: this is not JSON: "),
            (good[:-3], f"2:{len(good.splitlines()[-1]) - 2}: this is not JSON: "),
        ):
            if content is None:
                self.users_file.unlink()
            else:
                self.users_file.write_text(content, encoding="utf-8")
            error, kept = self.reload_users()
            self.assertTrue(error.startswith(f"error: {self.users_file}:"), error)
            self.assertIn(said, error)
            self.assertEqual(kept, "error: users not reloaded; the old ones stay in use")
            self.assertIs(self.tree.document, document)
            self.connect()
        self.assertEqual(set(self.came()), {"me"})

    def test_same(self) -> None:
        """A file that has the same users is one that has not changed."""
        users = self.tree.generation.users
        self.assertEqual(self.reload_users(), ["info: configuration reloaded"])
        self.assertIs(self.tree.generation.users, users)

    def test_whole(self) -> None:
        """A reload reads it too; where there is none any more, nobody of it is left."""
        self.write_users("other")
        self.successResultOf(self.reloader.reload_file())
        self.assertEqual([user.name for user in self.tree.document.all_users], ["other"])
        self.write(users_file=None)
        self.successResultOf(self.reloader.reload_file())
        self.assertEqual(self.tree.document.all_users, ())
        self.successResultOf(self.reloader.reload_users())

    def test_watched(self) -> None:
        """It is watched while the configuration says so, from how it was when it was read."""
        self.assertEqual(self.tree.document.watch, False)
        self.reloader.watch()
        self.assertIsNone(self.reloader._watch)
        followed: list[tuple[object, object]] = []
        self.write(watch=True)
        self.successResultOf(self.reloader.reload_file())
        watch: Any = self.reloader._watch
        self.patch(watch, "follow", lambda *args: followed.append(args))
        for more in ({"watch": True}, {"watch": False}, {"watch": True, "users_file": None}):
            self.write(**more)
            self.successResultOf(self.reloader.reload_file())
        read = mark_of(self.users_file.stat())
        self.assertEqual(followed, [(str(self.users_file), read), (None, None), (None, None)])
        self.reloader.stop()
