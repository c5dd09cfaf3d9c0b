"""From text to plain lists and objects."""

from __future__ import annotations

import contextlib
import json
import math
import sys

import json5
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.syntax import NotJsonError, flaws, parse_json
from tests.support.examples import examples

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


_TEXTS = (
    """// c\n{a: 'b"', c: 0x10, "d": [+1, 2,], /* x\n */ f: .5, g: 5., h: -Infinity, $i_1: NaN,}""",
    r"""{"a": 1, "b": [true, false, null, -1.5e3], "c": {"d": "x\n\u0041\x41\v\0"}, "e": 'it\'s'}""",  # noqa: E501  # another language's text
)
_PARTS = (
    "",
    *"\"',{}[]:/\\\n\r\t\u2028 01xe.+-aé$\x01",
    "//",
    "/*",
    "*/",
    "null",
    "true",
    "NaN",
    "Infinity",
)


@st.composite
def _spoiled_texts(draw: st.DrawFn) -> str:
    """JSON5 in which something was put in, left out or exchanged."""
    text = draw(st.sampled_from(_TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        key_path = draw(st.integers(0, len(text)))
        text = (
            text[:key_path]
            + draw(st.sampled_from(_PARTS))
            + text[key_path + draw(st.integers(0, 5)) :]
        )
    return text


class DialectTest(SynchronousTestCase):
    """What may be written."""

    def test_comments(self) -> None:
        """Comments of both kinds and trailing commas may stand anywhere that JSON5 lets them."""
        text = '// a\n{"a": [1, 2,], /* b\n */ "c": {"d": null,},} // e'
        self.assertEqual(parse_json(text), {"a": [1, 2], "c": {"d": None}})

    def test_json5(self) -> None:
        """The rest of JSON5 is taken too: bare keys, single quotes, hexadecimal numbers."""
        self.assertEqual(parse_json("{a: 'b', c: 0x10, d: +1}"), {"a": "b", "c": 16, "d": 1})

    def test_comment_in_text(self) -> None:
        """What looks like a comment inside a text is part of the text."""
        self.assertEqual(parse_json('["http://a", "/* b */",]'), ["http://a", "/* b */"])

    def test_surrogates(self) -> None:
        """A character that is escaped as a surrogate pair is one character, whether the rest is
        JSON or JSON5.
        """
        for text in (r'{"\ud83d\ude00": ["\ud83d\ude00"]}', r'{"\ud83d\ude00": ["\ud83d\ude00",]}'):
            self.assertEqual(parse_json(text), {"\U0001f600": ["\U0001f600"]})

    @settings(deadline=None, max_examples=examples(50))
    @given(_JSON, st.sampled_from([None, 2]))
    def test_same_meaning(self, value: object, indent: int | None) -> None:
        """Whatever is plain JSON means the same when it is read as JSON5, for instance since a
        comment was added.
        """
        text = json.dumps(value, indent=indent)
        self.assertEqual(parse_json(text), value)
        self.assertEqual(parse_json(f"{text} // plain JSON stops here"), value)
        self.assertEqual(json5.loads(json.dumps(value, ensure_ascii=False)), value)

    def test_strings(self) -> None:
        """A string may go on in the next line, have a tab in it, and write characters in each way
        that JSON5 knows.
        """
        for text, value in (
            (r"'it\'s \"\x41\v\0\u0042\q'", "it's \"A\v\0Bq"),
            ("'a\\\nb\\\r\nc\\\u2028d'", "abcd"),
            ('"a\tb\\\tc"', "a\tb\tc"),
        ):
            self.assertEqual(parse_json(text), value)

    @settings(deadline=None, max_examples=examples(200))
    @given(_spoiled_texts())
    def test_anything(self, text: str) -> None:
        """Whatever stands in a text, it means what the specification's parser says, or is refused
        where that does.
        """
        try:
            expected = json5.loads(text)
        except ValueError:
            self.assertRaises(NotJsonError, parse_json, text)
        else:
            self.assertEqual(repr(parse_json(text)), repr(expected))

    def test_numbers(self) -> None:
        """Numbers keep their types, in either language."""
        for end in ("", "//"):
            value = parse_json(f"[1, 1.0, -0, 1e2, NaN, -Infinity]{end}")
            assert isinstance(value, list)
            self.assertEqual(
                [type(entry) for entry in value], [int, float, int, float, float, float]
            )
            self.assertTrue(math.isnan(value[4]))


class MistakesTest(SynchronousTestCase):
    """What is no JSON."""

    def _mistake(self, text: str) -> str:
        error = self.assertRaises(NotJsonError, parse_json, text)
        return str(error) if error.place == (1, 1) else f"{error.place}: {error}"

    def test_place(self) -> None:
        """A mistake is reported with its line, its column and what stands there."""
        self.assertEqual(
            self._mistake('{\n  "a": 1\n  "b": 2\n}'),
            'line 3, column 3: a "," is missing before "\\""',
        )
        self.assertEqual(self._mistake('{"a": }'), 'line 1, column 7: "}" is not valid JSON here')
        self.assertEqual(
            self._mistake('["a\nb"]'),
            'line 1, column 4: the line ends before its text does: a "\\"" is missing',
        )

    def test_place_in_json5(self) -> None:
        """So it is after comments, and where JSON5 has what JSON has not; what comes first is
        reported.
        """
        for text, said in (
            ('{"a",}', 'line 1, column 5: ","'),
            ("[1,,]", 'line 1, column 4: ","'),
            ("[-1.5ex]", 'line 1, column 7: "x"'),
            ("[1 / 2]", 'line 1, column 5: " "'),
        ):
            self.assertEqual(self._mistake(text), f"{said} is not valid JSON here", text)

    def test_missing_marks(self) -> None:
        """A comma or a colon that is missing is named, with what it is missing before."""
        for text, place, mark, before in (
            ('// c\n{"a": 1 /* x\n */ "b": 2}', "line 3, column 5", ",", '"\\""'),
            ("[1 2 'a", "line 1, column 4", ",", '"2"'),
            ('[{"a": 1} {', "line 1, column 11", ",", '"{"'),
            ('{"a": [1]\n"b": 2}', "line 2, column 1", ",", '"\\""'),
            ("// c\n{'a': 1, b 2}", "line 2, column 12", ":", '"2"'),
            ('[{"a" {', "line 1, column 7", ":", '"{"'),
        ):
            said = f'{place}: a "{mark}" is missing before {before}'
            self.assertEqual(self._mistake(text), said, text)

    def test_other_languages(self) -> None:
        """What people write who think of another language is named as what it is."""
        comment = '"#" begins no comment in JSON; write it as "// ..."'
        zero = "0660 is no number in JSON, since it begins with 0; write it between quotes, "
        for text, place, said in (
            ("[1] # c", "line 1, column 5", comment),
            ("[1, # c\n2]", "line 1, column 5", comment),
            ('{"mode": 0660}', "line 1, column 11", f'{zero}"0660", if it is a file mode'),
            (
                "{\u201ca\u201d: 1}",
                "line 1, column 2",
                '"\u201c" is a typographic quotation mark; write "\\"", which is straight',
            ),
        ):
            self.assertEqual(self._mistake(text), f"{place}: {said}", text)

    def test_words(self) -> None:
        """A word without quotes is named, and one of Python's with what JSON has instead."""
        for text, column, said in (
            ("{a-b: 1}", 3, 'a-b is no word of JSON; write it between quotes, "a-b"'),
            ("[trues]", 6, 'trues is no word of JSON; write it between quotes, "trues"'),
            ('{"type": unix}', 10, 'unix is no word of JSON; write it between quotes, "unix"'),
            ("[0o660, 1]", 3, '"o" is not valid JSON here'),
            ("{'a': None}", 8, "None is no word of JSON; write null"),
            ("{'a': True}", 7, "True is no word of JSON; write true"),
            ("{'a' = 1}", 6, '"=" is no mark of JSON; write ":" between a key and its value'),
            (r'["C:\x"]', 6, r'"\" and "x" are no escape in a text; write "\\" for a backslash'),
            (r"['\1']", 4, r'"\" and "1" are no escape in a text; write "\\" for a backslash'),
        ):
            self.assertEqual(self._mistake(text), f"line 1, column {column}: {said}", text)

    def test_around(self) -> None:
        """So is what stands behind the document, and a file in which there is none."""
        for text, place, found in (
            ("[1] x /* never", "line 1, column 5", '"x"'),
            ('{"a": 1}\n{"b": 2}', "line 2, column 1", '"{"'),
        ):
            self.assertEqual(
                self._mistake(text),
                f"{place}: the document has ended before {found}; a file has one object, and then "
                "only comments",
            )
        self.assertEqual(
            self._mistake("// c"), "line 1, column 5: there is nothing in the file but comments"
        )

    def test_unclosed(self) -> None:
        """If a bracket is missing, it is told which, and where what it would close began; so it is
        with a text and a comment.
        """
        for text, where, found, kind, began, end in (
            (
                '{"a": 1',
                "line 1, column 8",
                "the end of the file",
                "object",
                "line 1, column 1",
                '"}"',
            ),
            ("[1,\n", "line 2, column 1", "the end of the file", "list", "line 1, column 1", '"]"'),
            (
                "// c\n{a: [{}, {}\n",
                "line 3, column 1",
                "the end of the file",
                "list",
                "line 2, column 5",
                '"]"',
            ),
            (
                '{\n "in": [\n  {"a": 1\n ],\n}',
                "line 4, column 2",
                '"]"',
                "object",
                "line 3, column 3",
                '"}"',
            ),
            ('{"a": [1, 2}', "line 1, column 12", '"}"', "list", "line 1, column 7", '"]"'),
            (
                '[{"a": 1,\n {"b": 2}]',
                "line 2, column 2",
                '"{"',
                "object",
                "line 1, column 2",
                '"}"',
            ),
            ("[{] \\", "line 1, column 3", '"]"', "object", "line 1, column 2", '"}"'),
            ("['a", "line 1, column 4", "the end of the file", "text", "line 1, column 2", '"\'"'),
            (
                "[1 /* never",
                "line 1, column 12",
                "the end of the file",
                "comment",
                "line 1, column 4",
                '"*/"',
            ),
        ):
            said = (
                f"{where}: {found} comes before the {kind} that began at {began} is closed: a "
                f"{end} is missing"
            )
            self.assertEqual(self._mistake(text), said, text)

    def test_empty(self) -> None:
        """A file of nothing is said to be empty."""
        for text in ("", " \n\t"):
            self.assertEqual(self._mistake(text), "the file is empty")

    def test_depth(self) -> None:
        """However deep lists and objects stand in each other, and whether they end, it is told in a
        line, with the place of the first that is too deep.
        """
        for text in (
            "[" * 40 + "]" * 40,
            "[" * 100_000,
            "[" * 100_000 + "]" * 100_000,
            '{"a":' * 5000,
            "//\n" + "[" * 40 + "]" * 40,
        ):
            line, column = text.count("\n") + 1, 5 * 32 + 1 if '"a"' in text else 33
            self.assertEqual(
                self._mistake(text),
                f"line {line}, column {column}: lists and objects are nested too deeply for a "
                "configuration",
            )

    def test_digits(self) -> None:
        """A number that would take long to read is refused for its length, decimal or
        hexadecimal, with its place.
        """
        for text in ("9" * 401, "0x" + "f" * 5000, "9" * 401 + "//"):
            self.assertIn("line 1, column 5: a number of ", self._mistake(f"[1, {text}]"))
        self.assertEqual(parse_json("9" * 400), int("9" * 400))


class CostTest(SynchronousTestCase):
    """What reading takes, counted in calls of Python's, which is the same on every machine."""

    def _calls(self, text: str) -> int:
        count = 0

        def called(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event == "call"

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            with contextlib.suppress(NotJsonError):
                parse_json(text)
        finally:
            sys.setprofile(before)
        return count

    def test_calls(self) -> None:
        """A comment, single quotes or a missing brace makes a file of many users no more than a
        little dearer than plain JSON is.
        """
        plain = json.dumps(
            {"users": [{"name": f"user-{number}", "uid": number} for number in range(1000)]},
            indent=2,
        )
        for text in (
            f"// c\n{plain}",
            plain[:-2],
            plain.replace('"', "'"),
            plain.replace("\n", " // c\n"),
        ):
            self.assertLess(self._calls(text), len(plain) / 2)


class FlawsTest(SynchronousTestCase):
    """What is JSON, and yet no configuration."""

    def test_repeated(self) -> None:
        """Each key that stands in its object more than once is reported with its place, in either
        language.
        """
        for end in ("", "//"):
            value = parse_json(
                '{"a": {"b": 1, "c": 2, "b": 3}, "d": [{"e": 1, "e": 1, "e": 1}], "f": 1}' + end
            )
            self.assertEqual(
                [problem.key_path for problem in flaws(value)], [("a", "b"), ("d", 0, "e")]
            )

    def test_repeated_escaped(self) -> None:
        """A key that is written in two ways is one key."""
        self.assertEqual(
            [problem.key_path for problem in flaws(parse_json(r'{"a": 1, "\u0061": 2}'))], [("a",)]
        )

    def test_surrogates(self) -> None:
        """Half of a surrogate pair is no character, neither in a text nor in a key."""
        found = list(flaws(parse_json(r'{"a": ["x\ud800"], "\udc00": 1}')))
        self.assertEqual([problem.key_path for problem in found], [("a", 0), ("\udc00",)])
        self.assertIn('"x\\ud800" has half of a surrogate pair', found[0].text)

    def test_none(self) -> None:
        """A good document has no flaws."""
        self.assertEqual(
            list(flaws(parse_json('{"a": ["b", {"c": "\\ud83d\\ude00"}], "d": null}'))), []
        )
