from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Selection(_message.Message):
    __slots__ = ("ids", "users", "inbounds", "outbounds", "older_than")
    IDS_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    INBOUNDS_FIELD_NUMBER: _ClassVar[int]
    OUTBOUNDS_FIELD_NUMBER: _ClassVar[int]
    OLDER_THAN_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.RepeatedScalarFieldContainer[str]
    inbounds: _containers.RepeatedScalarFieldContainer[str]
    outbounds: _containers.RepeatedScalarFieldContainer[str]
    older_than: float
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., users: _Optional[_Iterable[str]] = ..., inbounds: _Optional[_Iterable[str]] = ..., outbounds: _Optional[_Iterable[str]] = ..., older_than: _Optional[float] = ...) -> None: ...

class ListConnectionsRequest(_message.Message):
    __slots__ = ("selection",)
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    selection: Selection
    def __init__(self, selection: _Optional[_Union[Selection, _Mapping]] = ...) -> None: ...

class OpenConnection(_message.Message):
    __slots__ = ("id", "inbound", "outbound", "user", "peer", "age", "uplink", "downlink", "pid", "held_by")
    ID_FIELD_NUMBER: _ClassVar[int]
    INBOUND_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    UPLINK_FIELD_NUMBER: _ClassVar[int]
    DOWNLINK_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    HELD_BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    inbound: str
    outbound: str
    user: str
    peer: str
    age: float
    uplink: int
    downlink: int
    pid: int
    held_by: str
    def __init__(self, id: _Optional[str] = ..., inbound: _Optional[str] = ..., outbound: _Optional[str] = ..., user: _Optional[str] = ..., peer: _Optional[str] = ..., age: _Optional[float] = ..., uplink: _Optional[int] = ..., downlink: _Optional[int] = ..., pid: _Optional[int] = ..., held_by: _Optional[str] = ...) -> None: ...

class ListConnectionsResponse(_message.Message):
    __slots__ = ("connections",)
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[OpenConnection]
    def __init__(self, connections: _Optional[_Iterable[_Union[OpenConnection, _Mapping]]] = ...) -> None: ...

class CloseConnectionsRequest(_message.Message):
    __slots__ = ("selection",)
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    selection: Selection
    def __init__(self, selection: _Optional[_Union[Selection, _Mapping]] = ...) -> None: ...

class CloseConnectionsResponse(_message.Message):
    __slots__ = ("closed", "unknown_ids")
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_IDS_FIELD_NUMBER: _ClassVar[int]
    closed: int
    unknown_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, closed: _Optional[int] = ..., unknown_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ResetQuotasRequest(_message.Message):
    __slots__ = ("users",)
    USERS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, users: _Optional[_Iterable[str]] = ...) -> None: ...

class ResetQuotasResponse(_message.Message):
    __slots__ = ("quotas", "unknown_users")
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_USERS_FIELD_NUMBER: _ClassVar[int]
    quotas: int
    unknown_users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, quotas: _Optional[int] = ..., unknown_users: _Optional[_Iterable[str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Listener(_message.Message):
    __slots__ = ("name", "address", "is_listening")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    IS_LISTENING_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    is_listening: bool
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., is_listening: _Optional[bool] = ...) -> None: ...

class FailedConnections(_message.Message):
    __slots__ = ("inbound", "outbound", "cause", "count", "last", "reason")
    INBOUND_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    inbound: str
    outbound: str
    cause: str
    count: int
    last: float
    reason: str
    def __init__(self, inbound: _Optional[str] = ..., outbound: _Optional[str] = ..., cause: _Optional[str] = ..., count: _Optional[int] = ..., last: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class RefusedByLimit(_message.Message):
    __slots__ = ("limit", "count")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    limit: str
    count: int
    def __init__(self, limit: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class LimitHit(_message.Message):
    __slots__ = ("whose", "limit", "count", "last")
    WHOSE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    whose: str
    limit: str
    count: int
    last: float
    def __init__(self, whose: _Optional[str] = ..., limit: _Optional[str] = ..., count: _Optional[int] = ..., last: _Optional[float] = ...) -> None: ...

class HeldBack(_message.Message):
    __slots__ = ("entity", "name", "direction", "seconds")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    entity: str
    name: str
    direction: str
    seconds: float
    def __init__(self, entity: _Optional[str] = ..., name: _Optional[str] = ..., direction: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class LastReload(_message.Message):
    __slots__ = ("time", "problem")
    TIME_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    time: float
    problem: str
    def __init__(self, time: _Optional[float] = ..., problem: _Optional[str] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("version", "started", "uptime", "listeners", "open", "connections", "failures", "refused", "held", "reload", "hits")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    LISTENERS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    version: str
    started: float
    uptime: float
    listeners: _containers.RepeatedCompositeFieldContainer[Listener]
    open: int
    connections: int
    failures: _containers.RepeatedCompositeFieldContainer[FailedConnections]
    refused: _containers.RepeatedCompositeFieldContainer[RefusedByLimit]
    held: _containers.RepeatedCompositeFieldContainer[HeldBack]
    reload: LastReload
    hits: _containers.RepeatedCompositeFieldContainer[LimitHit]
    def __init__(self, version: _Optional[str] = ..., started: _Optional[float] = ..., uptime: _Optional[float] = ..., listeners: _Optional[_Iterable[_Union[Listener, _Mapping]]] = ..., open: _Optional[int] = ..., connections: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[FailedConnections, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[RefusedByLimit, _Mapping]]] = ..., held: _Optional[_Iterable[_Union[HeldBack, _Mapping]]] = ..., reload: _Optional[_Union[LastReload, _Mapping]] = ..., hits: _Optional[_Iterable[_Union[LimitHit, _Mapping]]] = ...) -> None: ...

class ListEntitiesRequest(_message.Message):
    __slots__ = ("entities", "users")
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    entities: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entities: _Optional[_Iterable[str]] = ..., users: _Optional[_Iterable[str]] = ...) -> None: ...

class EntityLimits(_message.Message):
    __slots__ = ("up_mbps", "down_mbps", "max_connections", "max_sources", "connections_per_second", "expires")
    UP_MBPS_FIELD_NUMBER: _ClassVar[int]
    DOWN_MBPS_FIELD_NUMBER: _ClassVar[int]
    MAX_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_SOURCES_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    up_mbps: float
    down_mbps: float
    max_connections: int
    max_sources: int
    connections_per_second: float
    expires: float
    def __init__(self, up_mbps: _Optional[float] = ..., down_mbps: _Optional[float] = ..., max_connections: _Optional[int] = ..., max_sources: _Optional[int] = ..., connections_per_second: _Optional[float] = ..., expires: _Optional[float] = ...) -> None: ...

class EntityQuota(_message.Message):
    __slots__ = ("quota", "bytes", "used", "anew", "goes_on")
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    ANEW_FIELD_NUMBER: _ClassVar[int]
    GOES_ON_FIELD_NUMBER: _ClassVar[int]
    quota: str
    bytes: int
    used: int
    anew: float
    goes_on: bool
    def __init__(self, quota: _Optional[str] = ..., bytes: _Optional[int] = ..., used: _Optional[int] = ..., anew: _Optional[float] = ..., goes_on: _Optional[bool] = ...) -> None: ...

class Entity(_message.Message):
    __slots__ = ("entity", "name", "open", "limits", "quotas", "held_up", "held_down", "refused", "closed", "sources")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    HELD_UP_FIELD_NUMBER: _ClassVar[int]
    HELD_DOWN_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    entity: str
    name: str
    open: int
    limits: EntityLimits
    quotas: _containers.RepeatedCompositeFieldContainer[EntityQuota]
    held_up: float
    held_down: float
    refused: int
    closed: str
    sources: int
    def __init__(self, entity: _Optional[str] = ..., name: _Optional[str] = ..., open: _Optional[int] = ..., limits: _Optional[_Union[EntityLimits, _Mapping]] = ..., quotas: _Optional[_Iterable[_Union[EntityQuota, _Mapping]]] = ..., held_up: _Optional[float] = ..., held_down: _Optional[float] = ..., refused: _Optional[int] = ..., closed: _Optional[str] = ..., sources: _Optional[int] = ...) -> None: ...

class ListEntitiesResponse(_message.Message):
    __slots__ = ("entities",)
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    entities: _containers.RepeatedCompositeFieldContainer[Entity]
    def __init__(self, entities: _Optional[_Iterable[_Union[Entity, _Mapping]]] = ...) -> None: ...
