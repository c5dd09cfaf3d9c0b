"""The JSON Schema (2020-12) of the document, for editors and for programs that write
configurations.

It is made from the option classes. It can't express everything: whether a tag exists, for instance,
is only checked when a configuration is read.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import cast, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pipetwist import __version__
from pipetwist.config.document import SCHEMA_KEY, Document
from pipetwist.values import Checked

__all__ = ["SCHEMA_ID", "document_schema"]

SCHEMA_ID = f"urn:pipetwist:schema:{__version__}"
"""What names the schema (RFC 8141): each version's is another, so that editors keep them apart."""


def document_schema() -> JsonSchemaValue:
    """The JSON Schema of a configuration."""
    schema = TypeAdapter(Document).json_schema(schema_generator=_Generator)
    for_editors = {"type": "string", "description": "Where this schema is, for editors."}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": SCHEMA_ID,
        **schema,
        "title": "Configuration of pipetwist",
        "properties": {SCHEMA_KEY: for_editors, **schema["properties"]},
    }


class _Generator(GenerateJsonSchema):
    """Generates the schema of option classes as they are written in a configuration."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Add to each key its description and its default, as it would be written."""
        options: type = schema["cls"]
        described = super().dataclass_schema(schema)
        described["description"] = inspect.cleandoc(options.__doc__ or "").replace("``", "`")
        properties: dict[str, JsonSchemaValue] = described["properties"]
        descriptions = _descriptions(options)
        for key in fields(options):
            described_key = properties[key.name]
            described_key.pop("default", None)
            described_key.update(_default(options, key))
            if key.name in descriptions:
                described_key["description"] = descriptions[key.name].replace("``", "`")
        # Where ``type`` has a default in the class, it still has none in a configuration.
        if "type" in properties:
            properties["type"].pop("default", None)
            described["properties"] = {"type": properties.pop("type"), **properties}
            others = [key for key in described["required"] if key != "type"]
            described["required"] = ["type", *others]
        return described

    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out titles, which would only repeat the keys."""
        return False


@cache
def _descriptions(options: type) -> dict[str, str]:
    """The docstrings of a class's keys, inherited ones too.

    They are read here, and not by pydantic, which would read them at each start and reload.
    """
    found: dict[str, str] = {}
    for base in reversed(options.__mro__):
        if is_dataclass(base):
            found.update(_docstrings(base))
    return found


def _docstrings(options: type) -> Iterator[tuple[str, str]]:
    """The keys of a class itself, each with the docstring after it."""
    try:
        source = textwrap.dedent(inspect.getsource(options))
    except OSError:  # there is no source code
        return
    for key, said in pairwise(cast("ast.ClassDef", ast.parse(source).body[0]).body):
        if (
            isinstance(key, ast.AnnAssign)
            and isinstance(key.target, ast.Name)
            and isinstance(said, ast.Expr)
        ):
            yield key.target.id, inspect.cleandoc(ast.literal_eval(said.value))


def _default(options: type, key: Field[object]) -> Iterator[tuple[str, object]]:
    default = key.default if key.default_factory is MISSING else key.default_factory()
    if default is MISSING or default is None:
        return
    marks = getattr(get_type_hints(options, include_extras=True)[key.name], "__metadata__", ())
    for mark in marks:
        if isinstance(mark, Checked):
            default = mark.write(default)
    yield (
        "default",
        {} if is_dataclass(default) else list(default) if isinstance(default, tuple) else default,
    )
