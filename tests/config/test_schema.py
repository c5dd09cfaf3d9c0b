"""The JSON Schema, held against what the reading takes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.outbounds.registry import OUTBOUNDS
from tests.config.malformed import spoiled
from tests.support.documents import full, problems, read, small
from tests.support.examples import examples
from tests.support.schema_walk import SCHEMA, definitions, objects, resolve


class SchemaTest(SynchronousTestCase):
    """The schema as such."""

    def test_schema(self) -> None:
        """It is a JSON Schema of 2020-12, and says so."""
        Draft202012Validator.check_schema(SCHEMA)
        self.assertEqual(SCHEMA["$schema"], "https://json-schema.org/draft/2020-12/schema")
        self.assertEqual(SCHEMA["title"], "Configuration of pipetwist")

    def test_descriptions(self) -> None:
        """Every object and every key is described, those that all inbounds or outbounds share
        included.
        """
        for name, described in definitions().items():
            self.assertTrue(described["description"], name)
            for key, value in described["properties"].items():
                self.assertTrue(
                    value.get("description") or resolve(value).get("description"), f"{name}.{key}"
                )

    def test_types(self) -> None:
        """Each type of the registries has its definition, which needs the type and is chosen by
        it.
        """
        registries: dict[str, list[type]] = {
            "inbounds": [entry.Options for entry in INBOUNDS],
            "outbounds": [entry.Options for entry in OUTBOUNDS],
        }
        for section, registered in registries.items():
            mapping = SCHEMA["properties"][section]["items"]["discriminator"]["mapping"]
            self.assertEqual(
                list(mapping.values()), [f"#/$defs/{options.__name__}" for options in registered]
            )
            for type_, reference in mapping.items():
                options = resolve({"$ref": reference})
                self.assertEqual(options["properties"]["type"]["const"], type_)
                self.assertIn("type", options["required"])

    def test_defaults(self) -> None:
        """A default is written as a configuration would write it."""
        fork = SCHEMA["$defs"]["ForkOutboundOptions"]["properties"]
        self.assertEqual(
            (fork["kill_grace"]["default"], fork["env"]["default"], fork["inherit_env"]["default"]),
            ("5s", {}, False),
        )
        unix = SCHEMA["$defs"]["UnixInboundOptions"]["properties"]
        self.assertEqual(unix["mode"]["default"], "0600")
        self.assertEqual(SCHEMA["properties"]["users"]["default"], [])
        self.assertNotIn("default", unix["half_close_timeout"])
        self.assertNotIn("default", unix["idle_timeout"])


class AgreementTest(SynchronousTestCase):
    """The schema and the reading say the same."""

    def test_good(self) -> None:
        """Good documents are valid."""
        validator = Draft202012Validator(SCHEMA)
        for document in (small(), full()):
            validator.validate(document)

    def test_bad(self) -> None:
        """An unknown key, a missing one, a wrong type and an unknown kind are invalid in both."""
        validator = Draft202012Validator(SCHEMA)
        changes: tuple[dict[str, object], ...] = (
            {"inbounds": []},
            {"inbounds": [{"tag": "a", "path": "x"}]},
            {"inbounds": [{"type": "unix", "tag": "a"}]},
            {"outbounds": [{"type": "http", "tag": "a"}]},
            {"logs": {}},
            {"log": {"level": "loud"}},
            {"drain_timeout": "5"},
            {"route": {"rules": [{"inbound": [], "outbound": "out"}]}},
        )
        for change in changes:
            document = small() | change
            self.assertFalse(validator.is_valid(document), change)
            self.assertNotEqual(problems(document), [], change)

    def test_written_defaults(self) -> None:
        """A document in which every default is written out is the same document."""
        bare = {
            "inbounds": [
                {"type": "unix", "tag": "a", "path": "@a"},
                {
                    "type": "tcp",
                    "tag": "b",
                    "listen_port": 0,
                    "tls": {"certificate_path": "c", "key_path": "k"},
                },
            ],
            "outbounds": [
                {"type": "fork", "tag": "a", "command": ["cat"]},
                {"type": "tcp", "tag": "b", "server": "s", "server_port": 1, "tls": {}},
            ],
            "route": {"rules": [{"outbound": "a"}]},
            "experimental": {"v2ray_api": {"stats": {}}},
        }
        expected = read(bare)
        written = 0
        for _, instance, schema in list(objects(bare)):
            defaults = {
                key: value["default"]
                for key, value in schema["properties"].items()
                if "default" in value and key not in instance
            }
            instance.update(defaults)
            written += len(defaults)
        self.assertGreater(written, 20)
        self.assertEqual(read(bare), expected)

    @settings(deadline=None, max_examples=examples(60))
    @given(st.data())
    def test_nothing_more(self, data: st.DataObject) -> None:
        """Whatever the reading takes is valid."""
        document = data.draw(spoiled(full()))
        if not problems(document):
            Draft202012Validator(SCHEMA).validate(document)
