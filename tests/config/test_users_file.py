"""A file of users, one a line, and who may have written it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest import skipUnless

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import read_document
from pipetwist.config.users_file import read_users
from pipetwist.errors import ConfigError
from pipetwist.kinds.user_options import UserOptions
from tests.support.documents import small
from tests.support.scratch import scratch_folder

_LINES = '{"name": "alice", "uid": 1000}\n\n{"source": ["10.1.2.3/8"], "name": "office"}\n'
_USERS = (
    UserOptions(name="alice", uid=1000),
    UserOptions(name="office", source=("10.0.0.0/8",)),
)
_IS_ROOT = os.geteuid() == 0


class UsersFileCase(SynchronousTestCase):
    """A file in a folder of the test's."""

    def setUp(self) -> None:
        """Choose its place."""
        self.folder = Path(os.path.realpath(scratch_folder(self)))
        self.folder.chmod(0o755)
        self.path = self.folder / "users.jsonl"

    def write(self, text: str, mode: int = 0o644) -> None:
        """Write it."""
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(mode)

    def refused(self, path: Path | None = None) -> str:
        """Why it is not read, without its path."""
        error = self.assertRaises(ConfigError, read_users, str(path or self.path))
        (line,) = str(error).splitlines()
        self.assertTrue(line.startswith(str(path or self.path)), line)
        return line.removeprefix(str(path or self.path))


class ReadTest(UsersFileCase):
    """What is in it."""

    def test_users(self) -> None:
        """Each line is a user, but for blank ones; a last one needs no end."""
        for text in (_LINES, _LINES.rstrip("\n"), _LINES.replace("\n", "\r\n")):
            self.write(text)
            self.assertEqual(read_users(str(self.path)).users, _USERS)

    def test_bad_line(self) -> None:
        """The first line that is no user is named, with what is wrong, and nothing else."""
        for bad, said in (
            ('{"name": "bob", "uid": -1}', "17: uid: -1 is not the number of a user or group"),
            ('{"name": "bob"}', "1: a user needs a uid, a gid, a certificate_name"),
            (
                '{"name": "bob", "uidd": 1}',
                '17: uidd: this key is not known here; did you mean "uid"',
            ),
            ('{"uid": 1}', "1: name: this required key is missing"),
            ('{"name": "bob", "uid": 1', "24: this is not JSON: EOF while parsing an object; w"),
            ('{"name": "bob", "uid": 1}}', "26: this is not JSON: trailing characters; write"),
            ('{"name": "b\u00f6b" "uid": 1}', "16: this is not JSON: "),
            ('["bob"]', '1: ["bob"] is not an object'),
            ("\\0", "1: this is not JSON: "),
            ('{"name": "bob", "uid": 1, "uid": 2}', "27: uid: this key is given more than once"),
            (
                '{"name": "bob", "uid": 1, "limits": {"up_mbps": 1, "up_mbps": 2}}',
                "52: limits.up_mbps: this key is given more than once",
            ),
        ):
            self.write(f"{_LINES}{bad}\n{bad}\n")
            line = self.refused()
            self.assertTrue(line.startswith(f":4:{said}"), line)

    def test_windows(self) -> None:
        """It may begin with the mark of an editor on Windows; UTF-16 is named as what it is."""
        self.path.write_bytes(_LINES.encode("utf-8-sig"))
        self.assertEqual(read_users(str(self.path)).users, _USERS)
        self.path.write_bytes(_LINES.encode("utf-16"))
        self.assertIn(": the file can't be read: it is UTF-16", self.refused())

    def test_nobody(self) -> None:
        """A file without a user is refused: it may have been cut, and would let nobody in."""
        for text in ("", "\n", " \r\n\n"):
            self.write(text)
            self.assertEqual(self.refused(), ": there is no user in it; write one a line")

    def test_no_file(self) -> None:
        """What is not there, or is no regular file, is refused, and nothing waits for it."""
        self.assertEqual(self.refused(), ": the file can't be read: No such file or directory")
        os.mkfifo(self.path)
        self.assertEqual(self.refused(), ": the file can't be read: it is no regular file")
        self.assertIn("the file can't be read: ", self.refused(self.folder))

    def test_too_large(self) -> None:
        """A file that is larger than any list is not read to its end."""
        self.write("")
        os.truncate(self.path, 1 << 40)
        self.assertIn("it is larger than 64 MiB", self.refused())

    @given(st.integers(0, len(_LINES) - 1))
    def test_truncated(self, size: int) -> None:
        """Wherever it is cut, it is refused, or has the users of whole lines."""
        self.write(_LINES[:size])
        try:
            users = read_users(str(self.path)).users
        except ConfigError:
            return
        self.assertEqual(users, _USERS[: len(users)])
        self.assertEqual(_LINES[:size].rstrip("\n").count("}"), len(users))


@skipUnless(_IS_ROOT, "needs root")
class RootTest(UsersFileCase):
    """Whom a daemon that is root believes."""

    def setUp(self) -> None:
        """Write a good one."""
        super().setUp()
        self.write(_LINES)
        self.assertEqual(len(read_users(str(self.path)).users), 2)

    def read_by_others(self) -> None:
        """Somebody else reads it all the same, since it is the daemon's own matter then."""
        self.patch(os, "geteuid", lambda: 1)
        self.assertEqual(len(read_users(str(self.path)).users), 2)

    def test_mode(self) -> None:
        """A file that its group or others may write is refused."""
        for mode in (0o664, 0o646, 0o602):
            self.path.chmod(mode)
            self.assertIn("others than root may write it", self.refused())
        self.read_by_others()

    def test_owner(self) -> None:
        """A file of another user is refused."""
        os.chown(self.path, 4711, 0)
        self.assertIn("it belongs to user 4711, and this daemon is root", self.refused())
        self.read_by_others()

    def test_link(self) -> None:
        """A symbolic link is refused, whoever made it, and a hanging one too."""
        link = self.folder / "link"
        for target in (self.path, self.folder / "nothing"):
            link.symlink_to(target)
            self.assertIn("it is a symbolic link, and this daemon is root", self.refused(link))
            link.unlink()

    def test_link_of_folder(self) -> None:
        """So is a file that another's link on the way leads to."""
        link = self.folder / "folder"
        link.symlink_to(self.folder)
        os.lchown(link, 4711, 4711)
        self.assertIn("is a symbolic link of user 4711", self.refused(link / "users.jsonl"))

    def test_folder(self) -> None:
        """A file in a folder where others may replace it is refused."""
        self.folder.chmod(0o777)
        self.assertIn("others than root may replace it in", self.refused())
        self.folder.chmod(0o1777)
        self.assertEqual(len(read_users(str(self.path)).users), 2)
        os.chown(self.folder, 4711, 0)
        self.assertIn("others than root may replace it in", self.refused())

    def test_swapped(self) -> None:
        """Where the file is exchanged for a link at the last moment, nothing is read of it."""
        real = os.open

        def swap(path: Any, flags: int, *arguments: Any, **more: Any) -> int:
            if path == self.path.name:
                self.path.unlink()
                self.path.symlink_to("/etc/shadow")
            return real(path, flags, *arguments, **more)

        self.patch(os, "open", swap)
        self.assertIn("it is a symbolic link, and this daemon is root", self.refused())


class DocumentTest(UsersFileCase):
    """The file together with a configuration."""

    def read(self, **more: object) -> Any:
        """A configuration with it."""
        document: dict[str, Any] = {**small(), "users_file": "users.jsonl", **more}
        file = self.folder / "pipetwist.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        return read_document(file)

    def test_one_list(self) -> None:
        """The two lists are one, that at the top first; a user there may be named in rules."""
        self.write(_LINES)
        rule = {"auth_user": ["office", "somebody"], "outbound": "out"}
        document = self.read(users=[{"name": "carol", "uid": 7}], route={"rules": [rule]})
        self.assertEqual(document.all_users, (UserOptions(name="carol", uid=7), *_USERS))

    def test_bad(self) -> None:
        """A bad line is a mistake of the configuration."""
        self.write("{}\n")
        error = self.assertRaises(ConfigError, self.read)
        self.assertTrue(str(error).startswith(f"{self.path}:1:1: name: this required"), str(error))

    def test_differs(self) -> None:
        """A name of the file that is another user at an inbound is wrong."""
        self.write(_LINES)
        inbounds = small()["inbounds"]
        inbounds[0]["users"] = [{"name": "alice", "uid": 7}]
        error = self.assertRaises(ConfigError, self.read, inbounds=inbounds)
        self.assertIn('inbounds[0].users[0]: "alice" is known by something else', str(error))

    def test_limits_differ(self) -> None:
        """A user has one set of limits: in the file, and where it stands elsewhere as well."""
        alice = {"name": "alice", "uid": 7, "limits": {"max_connections": 2}}
        other = {"name": "alice", "uid": 8, "limits": {"max_connections": 3}}
        self.write("".join(f"{json.dumps(user)}\n" for user in (alice, alice, other)))
        error = self.assertRaises(ConfigError, self.read)
        self.assertTrue(
            str(error).startswith(f'{self.path}:3:29: limits: "alice" has other limits'), str(error)
        )
        self.write(json.dumps(other))
        error = self.assertRaises(ConfigError, self.read, users=[alice])
        self.assertIn('"alice" has other limits in the list users', str(error))
        self.read(users=[{**other, "uid": 9}])

    def test_quota(self) -> None:
        """A quota in the file needs one that keeps what is used."""
        self.write(json.dumps({"name": "alice", "uid": 7, "limits": {"quota": [{"bytes": "1GB"}]}}))
        error = self.assertRaises(ConfigError, self.read)
        self.assertTrue(
            str(error).startswith(f'{self.path}: "alice" has a quota, which needs a file'),
            str(error),
        )
        self.read(experimental={"v2ray_api": {"stats": {"store": "counters.db"}}})
