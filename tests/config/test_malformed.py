"""Whatever is read, nothing but a ConfigError comes of it; and whatever is done to a good document
is reported at its place.
"""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.problems import KeyPath, format_key_path
from pipetwist.config.reading import parse_document, read_document
from pipetwist.errors import ConfigError
from tests.config.malformed import JUNK, at, members, spoiled
from tests.support.documents import EXAMPLES, FOLDER, full, problems
from tests.support.examples import examples
from tests.support.schema_walk import objects

_PYDANTIC = ("Input should", "Value error", "validation error", "Options", "pydantic", "Traceback")


class JunkTest(SynchronousTestCase):
    """No reading ends in anything but a document or a ConfigError, in words of ours."""

    def _read(self, text: str) -> None:
        try:
            parse_document(text, FOLDER, "junk.json")
        except ConfigError as error:
            for line in str(error).split("\n"):
                self.assertRegex(line, r"^junk\.json:[0-9]+:[0-9]+: ")
                self.assertTrue(line.isprintable(), repr(line))
                self.assertEqual([words for words in _PYDANTIC if words in line], [], line)

    @settings(deadline=None)
    @given(JUNK)
    def test_values(self, value: object) -> None:
        """Any JSON is read or refused."""
        self._read(json.dumps(value))

    @settings(deadline=None)
    @given(st.data())
    def test_spoiled(self, data: st.DataObject) -> None:
        """A good document with anything in it is read or refused."""
        self._read(json.dumps(data.draw(spoiled(full()))))

    @settings(deadline=None)
    @given(st.text(st.characters() | st.sampled_from("{}[]\"':,/*\\u0 \n")))
    def test_texts(self, text: str) -> None:
        """Any text is read or refused."""
        self._read(text)

    @settings(deadline=None, max_examples=examples(30))
    @given(st.integers(0), st.integers(0, 20), st.text(max_size=3))
    def test_torn(self, begin: int, length: int, instead: str) -> None:
        """An example with a piece torn out of it is read or refused."""
        text = (EXAMPLES / "pipetwist.json").read_text(encoding="utf-8")
        begin %= len(text)
        self._read(text[:begin] + instead + text[begin + length :])

    @settings(deadline=None, max_examples=examples(30))
    @given(st.binary())
    def test_bytes(self, content: bytes) -> None:
        """Any file is read or refused."""
        path = Path(self.mktemp())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.assertRaises(ConfigError, read_document, path)


_OTHERS: dict[type, tuple[object, ...]] = {
    str: (5, 1.5, True, [], {}),
    int: ("text", 1.5, True, -1, [], {}),
    bool: (0, 1.0, "true", [], {}),
    list: ("text", 5, False, {}),
    dict: ("text", 5, False, []),
}
_READ_AS_ONE = {"command", "env"}  # what is wrong in these is told at the whole
_NAMES_OR_NUMBERS = {"owner", "group"}
_ANY_TEXTS = {"alpn"}  # a list of them, or one


def _told_at(key_path: KeyPath) -> KeyPath:
    return next(
        (key_path[: end + 1] for end, key in enumerate(key_path) if key in _READ_AS_ONE), key_path
    )


class MutationTest(SynchronousTestCase):
    """One change to a good document."""

    def _assert_told(self, document: object, key_path: KeyPath, text: str = "") -> None:
        said = problems(document)
        self.assertTrue(
            any(line.startswith(f"{format_key_path(key_path)}: {text}") for line in said),
            f"{key_path}: {said}",
        )

    def test_types(self) -> None:
        """A value of another type is reported at its place, wherever it stands."""
        changed = 0
        for key_path, value in members(full()):
            for other in _OTHERS[type(value)]:
                if key_path[-1] in _NAMES_OR_NUMBERS and type(other) in (str, int) and other != -1:
                    continue
                if key_path[-1] in _ANY_TEXTS and type(other) is str:
                    continue
                document = full()
                at(document, key_path[:-1])[key_path[-1]] = other
                self._assert_told(document, _told_at(key_path))
                changed += 1
        self.assertGreater(changed, 300)

    def test_needed(self) -> None:
        """A needed key that is gone is reported at its place."""
        gone = 0
        for key_path, _, schema in objects(full()):
            for key in schema.get("required", ()):
                document = full()
                del at(document, key_path)[key]
                self._assert_told(document, (*key_path, key), "this required key is missing")
                gone += 1
        self.assertGreater(gone, 30)

    def test_null(self) -> None:
        """A null where a key is needed is reported at its place."""
        for key in ("type", "tag", "path"):
            document = full()
            document["inbounds"][0][key] = None
            self._assert_told(document, ("inbounds", 0, key))

    @settings(deadline=None, max_examples=examples(60))
    @given(st.data())
    def test_unknown_keys(self, data: st.DataObject) -> None:
        """A key that is not known is reported at its place, whatever its letters."""
        document = full()
        key_path, holder, schema = data.draw(st.sampled_from(list(objects(document))))
        key = data.draw(st.text().filter(lambda text: text not in schema["properties"]))
        holder[key] = data.draw(JUNK)
        self._assert_told(document, (*key_path, key), "this key is not known here; ")
