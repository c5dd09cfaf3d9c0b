"""How a kind of value plugs into the reading of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Checked"]


@dataclass(frozen=True)
class Checked:
    """Marks an annotated type: its written form is turned into its value by a function of ours.

    Args:
        parse: takes the written value and the configuration's folder; raises ValueError with a text for people.
        schema: the JSON Schema of the written form.
    """

    parse: Callable[[object, Path], object]
    schema: Mapping[str, object] = field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `parse`; the folder comes with the validation's context."""
        from pydantic_core import core_schema  # here, so that a program that reads no configuration does not load pydantic

        def validate(raw: object, info: core_schema.ValidationInfo[Any]) -> object:
            folder = (info.context or {}).get("folder", Path.cwd())
            return self.parse(raw, folder)

        return core_schema.with_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Describe the written form."""
        return dict(self.schema)
