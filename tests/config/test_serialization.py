"""A document as lines, and the document that is put together of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions
from pipetwist.config.reading import read_document
from pipetwist.config.serialization import (
    SLICE,
    Deserializer,
    ForeignLineError,
    OtherVersionError,
    serialize,
)
from pipetwist.errors import ConfigError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from tests.support.documents import EXAMPLES, full, read

_SMALL = Document(
    inbounds=(UnixInboundOptions(tag="in", path="/in"),),
    outbounds=(UnixOutboundOptions(tag="out", path="/out"),),
)


def many(count: int, first_id: int = 0) -> Document:
    """A document of so many users, who are all counted."""
    users = tuple(
        UserOptions(name=f"user-{number}", uid=first_id + number) for number in range(count)
    )
    stats = StatsOptions(enabled=True, users=tuple(user.name for user in users))
    inbound = UnixInboundOptions(tag="in", path="/in", users=users)
    return replace(
        _SMALL,
        inbounds=(inbound,),
        experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats)),
    )


def assembled(document: Document, before: Document = _SMALL) -> Any:
    """What is put together of a document's lines."""
    assembly = Deserializer(before)
    while assembly.remember():
        pass
    for line in serialize(document):
        assembly.take(line.encode())
    return assembly.outcome


class SameTest(SynchronousTestCase):
    """What comes out is what went in."""

    def test_documents(self) -> None:
        """Every kind of value that a configuration may have is the same afterwards, whatever the
        document of before.
        """
        paths = [path for path in EXAMPLES.glob("*.json") if ".schema" not in path.suffixes]
        documents = [
            read(full()),
            *(read_document(path) for path in sorted(paths)),
            many(2 * SLICE),
            _SMALL,
        ]
        for document in documents:
            for before in (_SMALL, document):
                self.assertEqual(assembled(document, before), document)
                self.assertEqual(repr(assembled(document, before)), repr(document))

    def test_problems(self) -> None:
        """So is the text that says what is wrong."""
        said = assembled(ConfigError("a.json: this is wrong\na.json: ünd this"))  # type: ignore[arg-type]  # it takes either
        self.assertEqual(
            (type(said), str(said)), (ConfigError, "a.json: this is wrong\na.json: ünd this")
        )

    def test_same_objects(self) -> None:
        """A user who is as before is the same object, so that two documents are compared in no
        time; one who has changed is another.
        """
        before = many(1000)
        after = assembled(many(1000), before)
        changed = assembled(many(1000, first_id=1), before)
        users = list(before.inbounds[0].users)  # type: ignore[attr-defined]  # it is a unix inbound
        self.assertTrue(
            all(one is other for one, other in zip(users, after.inbounds[0].users, strict=True))
        )
        self.assertFalse(
            any(one is other for one, other in zip(users, changed.inbounds[0].users, strict=True))
        )
        names = before.experimental.v2ray_api.stats.users if before.experimental.v2ray_api else ()
        self.assertTrue(
            all(
                one is other
                for one, other in zip(
                    names, changed.experimental.v2ray_api.stats.users, strict=True
                )
            )
        )


class SliceTest(SynchronousTestCase):
    """How much is done at once."""

    def test_slices(self) -> None:
        """No line has more than 500 users, names or anything else, and no more of the document of
        before is looked at or freed at once.
        """
        document = many(5000)
        assembly = Deserializer(many(3000))
        sizes = []
        while True:
            before = len(assembly._known)
            if not assembly.remember():
                break
            sizes.append(len(assembly._known) - before)
        sizes += [assembly.take(line.encode()) for line in serialize(document)]
        self.assertEqual(assembly.outcome, document)
        self.assertIn("complete", repr(assembly))
        while assembly._known:
            before = len(assembly._known)
            assembly.forget()
            sizes.append(before - len(assembly._known))
        self.assertLessEqual(max(sizes), 500)
        self.assertGreater(len(sizes), 30)


class ForeignTest(SynchronousTestCase):
    """Lines that are no document's."""

    def _take(self, *lines: object) -> Any:
        assembly = Deserializer(_SMALL)
        for line in lines:
            assembly.take(line if isinstance(line, bytes) else json.dumps(line).encode())
        return assembly.outcome

    def test_foreign(self) -> None:
        """Whatever else is said is known as such: text, other JSON, steps that lead nowhere, a
        document that is cut short or goes on.
        """
        lines = [json.loads(line) for line in serialize(many(200))]
        first, steps, *_, last = lines
        for said in (
            (b"Warning: something",),
            (b"",),
            (b"\xff",),
            ({},),
            (5,),
            ("text",),
            (None,),
            ([],),
            (steps,),
            (first, first),
            (first, last),
            (first, [1], {**last, "pipetwist.complete": 1}),
            (*lines[:-2], last),
            (*lines, [1]),
            (first, [[-1, 5]]),
            (first, [[-1, -5]]),
            (first, [[99]]),
            (first, [["x"]]),
            (first, [[]]),
            (first, [1] * 501),
            (b"[" * 100_000,),
        ):
            self.assertRaises(ForeignLineError, self._take, *said)

    def test_unfinished(self) -> None:
        """As long as the last line is missing there is no document."""
        self.assertIsNone(
            self._take(*(json.loads(line) for line in list(serialize(many(200)))[:-1]))
        )

    def test_other_version(self) -> None:
        """A class that has other keys here, or that there is not, is another version's; what is no
        part of pipetwist is not looked at.
        """
        for one in (
            ["pipetwist.inbounds.unix", "UnixInboundOptions", ["tag"]],
            ["pipetwist.inbounds.unix", "NoSuchOptions", ["tag"]],
            ["pipetwist.no_such_module", "Options", []],
            ["os", "system", []],
            ["pipetwist.inbounds.unix", "UnixInbound", []],
        ):
            self.assertRaises(OtherVersionError, self._take, {"pipetwist.classes": [one]})

    def test_unknown_value(self) -> None:
        """A kind of value that can't be written is noticed where it is to be written."""
        self.assertRaises(TypeError, list, serialize(replace(_SMALL, drain_timeout=b"5s")))  # type: ignore[arg-type]  # that is the mistake
