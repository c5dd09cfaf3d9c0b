"""Connects the kinds of value with pydantic, which reads a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

# pydantic is imported where it is used and not above, so that a program that reads no configuration
# does not load it.

__all__ = ["Checked", "NotEmpty", "OneOrMore"]


def _as_it_is(value: object) -> object:
    return value


@dataclass(frozen=True)
class Checked:
    """Marks an annotated type: its written form is turned into its value by a function of ours.

    Attributes:
        parse: gets the written value and the configuration's folder; raises ValueError with a text
            for people.
        schema: the JSON Schema of the written form.
        write: turns the value back into a written form that `parse` takes.
    """

    parse: Callable[[object, Path], object]
    schema: Mapping[str, object] = field(default_factory=dict, hash=False)
    write: Callable[[Any], object] = _as_it_is  # of what `parse` returns

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate with `parse`; the folder comes with the validation's context."""
        from pydantic_core import core_schema

        def validate(raw: object, info: core_schema.ValidationInfo[dict[str, Path]]) -> object:
            folder = (info.context or {}).get("folder") or Path.cwd()
            return self.parse(raw, folder)

        return core_schema.with_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Describe the written form."""
        return dict(self.schema)


@dataclass(frozen=True)
class NotEmpty:
    """Marks an annotated list that needs an entry.

    Attributes:
        problem: the message for an empty one.
    """

    problem: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate the list as usual, then check that it is not empty."""
        from pydantic_core import core_schema

        def check(entries: tuple[object, ...]) -> tuple[object, ...]:
            if not entries:
                raise ValueError(self.problem)
            return entries

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Describe the list with its bound."""
        return {**handler(core), "minItems": 1}


@dataclass(frozen=True)
class OneOrMore:
    """Marks an annotated list of texts: a single text is taken for a list of one, as in sing-box
    (its ``Listable``). It stands after the list's other marks.
    """

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Make it a list, then validate that as usual."""
        from pydantic_core import core_schema

        def make_list(written: object) -> object:
            if isinstance(written, str):
                return (written,)
            # What comes out of a function is no JSON any more, and a tuple has to be one.
            return tuple(written) if isinstance(written, list) else written

        return core_schema.no_info_before_validator_function(make_list, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """Describe the list, or one entry of it."""
        described = handler(core)
        return {"anyOf": [described, described["items"]]}
