"""Formats of events that are logged often, whose lines take less time than others."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import itemgetter
from string import Formatter

from twisted.logger import LogEvent

__all__ = ["PlainFormat"]

# How a value of each specification is written by the operator %, in a text and as JSON.
_WRITTEN = {"": ("%s", '"%s"'), "d": ("%d", "%d"), ".3f": ("%.3f", "%r")}


class PlainFormat(str):
    """The ``log_format`` of an event whose fields are texts and numbers: ``{name}`` is a text,
    ``{name:d}`` a whole number, ``{name:.3f}`` another finite number. The event brings these fields
    and no others.

    For who does not know it it is a format as any other.

    Attributes:
        values: gets the fields' values of an event, in order.
        text: the event's text, for the operator ``%`` and the values.
        fields: the fields as JSON in the same way, each behind a comma, as if nothing in them had
            to be escaped.

    Raises:
        ValueError: it has other fields, or fewer than two.
    """

    __slots__ = ("fields", "text", "values")

    values: Callable[[LogEvent], tuple[object, ...]]
    text: str
    fields: str

    def __init__(self, form: str) -> None:
        names = []
        self.text = self.fields = ""
        for literal, name, spec, conversion in Formatter().parse(form):
            self.text += literal.replace("%", "%%")
            if name is not None:
                if not name.isidentifier() or conversion or spec not in _WRITTEN:
                    message = f"{form!r}: {name!r} is no plain field"
                    raise ValueError(message)
                names.append(name)
                in_text, in_json = _WRITTEN[spec]
                self.text += in_text
                self.fields += f", {json.dumps(name)}: {in_json}"
        if len(names) < 2:
            message = f"{form!r}: it has fewer than two fields"
            raise ValueError(message)
        self.values = itemgetter(*names)
