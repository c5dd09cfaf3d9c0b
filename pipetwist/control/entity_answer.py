"""Inbounds, outbounds and users on the wire."""

from __future__ import annotations

from pipetwist.control.entities import EntityRow
from pipetwist.control.texts import wire_text
from pipetwist.control.wire.control_pb2 import Entity, EntityLimits, EntityQuota

__all__ = ["written_entity"]


def written_entity(row: EntityRow) -> Entity:
    """The same as a message."""
    return Entity(
        entity=row.entity,
        name=wire_text(row.name),
        open=row.open,
        limits=None if row.limits is None else EntityLimits(**row.limits._asdict()),
        quotas=[EntityQuota(**{**one._asdict(), "anew": one.anew or 0.0}) for one in row.quotas],
        held_up=row.held_up,
        held_down=row.held_down,
        refused=row.refused,
        closed=wire_text(row.closed),
        sources=row.sources,
    )
