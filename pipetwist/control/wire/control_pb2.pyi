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
    __slots__ = ("id", "inbound", "outbound", "user", "peer", "age", "uplink", "downlink", "pid")
    ID_FIELD_NUMBER: _ClassVar[int]
    INBOUND_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    UPLINK_FIELD_NUMBER: _ClassVar[int]
    DOWNLINK_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    id: str
    inbound: str
    outbound: str
    user: str
    peer: str
    age: float
    uplink: int
    downlink: int
    pid: int
    def __init__(self, id: _Optional[str] = ..., inbound: _Optional[str] = ..., outbound: _Optional[str] = ..., user: _Optional[str] = ..., peer: _Optional[str] = ..., age: _Optional[float] = ..., uplink: _Optional[int] = ..., downlink: _Optional[int] = ..., pid: _Optional[int] = ...) -> None: ...

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
