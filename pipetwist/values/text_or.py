"""Values that are a text of one kind or null, or something else that is neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pipetwist.values.checked import Checked
from pipetwist.values.quoting import quote

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["ALL", "AllOf", "NullOr", "TextOr"]

ALL = "*"
"""What stands for all of them in the place of a list."""

_TEXT, _OTHER = "text", "other"


@dataclass(frozen=True)
class TextOr:
    """Marks an annotated type: the value is either.

    Attributes:
        text: the type of a text.
        other: the type of anything else.
    """

    text: Any  # a type as it is written, such as an Annotated, which is of no type itself
    other: Any  # the same

    def options(self, step: str) -> Any:  # the same
        """The type that pydantic has named so in a key path."""
        return self.text if step == _TEXT else self.other

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate a text as the one, and anything else as the other."""
        from pydantic_core import core_schema

        return core_schema.tagged_union_schema(
            {
                _TEXT: handler.generate_schema(self.text),
                _OTHER: handler.generate_schema(self.other),
            },
            lambda raw: _TEXT if isinstance(raw, str) else _OTHER,
        )


@dataclass(frozen=True)
class NullOr(TextOr):
    """Marks an annotated list: null takes the entries of another away, as an empty list does."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate null as an empty list, and anything else as usual."""
        from pydantic_core import core_schema

        return core_schema.tagged_union_schema(
            {
                _TEXT: core_schema.no_info_after_validator_function(
                    lambda _: (), core_schema.none_schema()
                ),
                _OTHER: handler.generate_schema(self.other),
            },
            lambda raw: _TEXT if raw is None else _OTHER,
        )


def _parse_all(raw: object, folder: Path) -> str:
    if raw == ALL:
        return ALL
    message = f'{quote(raw)} is not a list; write [{quote(raw)}], or "{ALL}" for all of them'
    raise ValueError(message)


AllOf = Annotated[str, Checked(_parse_all, {"const": ALL})]
"""``"*"``, in the place of a list."""
