"""Walking through a document and its JSON Schema at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipetwist.config.problems import KeyPath
from pipetwist.config.schema import document_schema

__all__ = ["SCHEMA", "definitions", "objects", "resolve"]

SCHEMA = document_schema()


def definitions() -> dict[str, dict[str, Any]]:
    """The schema of each class of options, by the class's name."""
    return {"Document": SCHEMA, **SCHEMA["$defs"]}


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that is there, behind references and behind what stands for its
    absence.
    """
    while "$ref" in schema or "anyOf" in schema:
        schema = (
            SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
            if "$ref" in schema
            else schema["anyOf"][0]
        )
    return schema


def objects(
    instance: object, schema: dict[str, Any] = SCHEMA, key_path: KeyPath = ()
) -> Iterator[tuple[KeyPath, dict[str, Any], dict[str, Any]]]:
    """Every object of a good document that has keys of its own: its place, itself and its
    schema.
    """
    schema = resolve(schema)
    if "discriminator" in schema:
        assert isinstance(instance, dict)
        schema = resolve({"$ref": schema["discriminator"]["mapping"][instance["type"]]})
    elif "oneOf" in schema:
        text, other = schema["oneOf"]
        schema = text if isinstance(instance, str) else resolve(other)
    if isinstance(instance, dict) and "properties" in schema:
        yield key_path, instance, schema
        for key, value in instance.items():
            yield from objects(value, schema["properties"][key], (*key_path, key))
    elif isinstance(instance, list):
        for index, entry in enumerate(instance):
            yield from objects(entry, schema.get("items", {}), (*key_path, index))
