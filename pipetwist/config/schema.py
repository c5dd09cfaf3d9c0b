"""The JSON Schema (2020-12) of the document, for editors and for programs that write
configurations.

It comes from the option classes that also read a configuration. It can't say everything: whether a
name is known, for instance, only the reading tells.
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

from pipetwist.config.document import Document
from pipetwist.values import Checked

__all__ = ["document_schema"]


def document_schema() -> JsonSchemaValue:
    """The JSON Schema of a configuration."""
    schema = TypeAdapter(Document).json_schema(schema_generator=_Generator)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "Configuration of pipetwist",
    }


class _Generator(GenerateJsonSchema):
    """Describes option classes as a configuration's author meets them."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Give each key its description and its default, as it would be written."""
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
        # What chooses the class has a default there, and none in a configuration.
        if "type" in properties:
            del properties["type"]["default"]
            described["properties"] = {"type": properties.pop("type"), **properties}
            described["required"] = ["type", *described["required"]]
        return described

    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out titles, which would only say the keys again."""
        return False


@cache
def _descriptions(options: type) -> dict[str, str]:
    """The docstrings of a class's keys, those too that it inherits.

    They are read here, and not by pydantic as it makes what reads configurations: that would look
    for them at each start and reload.
    """
    found: dict[str, str] = {}
    for base in reversed(options.__mro__):
        if is_dataclass(base):
            found.update(_docstrings(base))
    return found


def _docstrings(options: type) -> Iterator[tuple[str, str]]:
    """The keys that stand in a class itself, each with the docstring behind it."""
    try:
        source = textwrap.dedent(inspect.getsource(options))
    except OSError:  # there are only compiled modules
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
