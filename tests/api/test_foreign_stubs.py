"""A program that imports our API together with modules that protoc made from V2Ray's or Xray's own
files.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pipetwist.api.services import V2RAY_SERVICE, XRAY_SERVICE
from tests.support.programs import output_of

# The part of the two projects' files that clients use; both have this name.
_FILE: Final = "app/stats/command/command.proto"
_SOURCE: Final = """
syntax = "proto3";
package PACKAGE;
message GetStatsRequest { string name = 1; bool reset = 2; }
message Stat { string name = 1; int64 value = 2; }
message GetStatsResponse { Stat stat = 1; }
message QueryStatsRequest { string pattern = 1; bool reset = 2; repeated string patterns = 3; bool regexp = 4; }
message QueryStatsResponse { repeated Stat stat = 1; }
message SysStatsRequest {}
message SysStatsResponse { uint32 NumGoroutine = 1; uint32 NumGC = 2; uint64 Alloc = 3; }
service StatsService {
  rpc GetStats(GetStatsRequest) returns (GetStatsResponse) {}
  rpc QueryStats(QueryStatsRequest) returns (QueryStatsResponse) {}
  rpc GetSysStats(SysStatsRequest) returns (SysStatsResponse) {}
}
message Config {}
"""  # noqa: E501  # another language's text
_OURS: Final = "from tests.support.api_server import counted, start_api, stop_api, target_of"
_THEIRS: Final = "from app.stats.command import command_pb2 as theirs, command_pb2_grpc as calls"
_PROGRAM: Final = """
import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from twisted.trial.unittest import SynchronousTestCase

case = SynchronousTestCase()
api = start_api(case, counted({"a>>>b": 7}))
with grpc.insecure_channel(target_of(api)) as channel:
    stub = calls.StatsServiceStub(channel)
    print(*((stat.name, stat.value) for stat in stub.QueryStats(theirs.QueryStatsRequest(patterns=["a", "b"]), timeout=60).stat))
    described = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName("SERVICE")
    print(described.full_name, theirs.DESCRIPTOR.services_by_name["StatsService"].full_name)
stop_api(case, api)
"""  # noqa: E501  # another language's text


class ForeignStubsTest(SynchronousTestCase):
    """Stubs made from sources with the projects' names, called from one process with the
    service.
    """

    def setUp(self) -> None:
        """A folder for the stubs."""
        if importlib.util.find_spec("grpc_tools") is None:
            message = "grpcio-tools is not installed"
            raise SkipTest(message)
        self.folder = Path(self.mktemp()).absolute()

    def test_v2ray(self) -> None:
        """V2Ray's stubs and ours live together, whichever is imported first."""
        self._try_both_orders(V2RAY_SERVICE)

    def test_xray(self) -> None:
        """Xray's stubs and ours live together, whichever is imported first."""
        self._try_both_orders(XRAY_SERVICE)

    def _try_both_orders(self, service: str) -> None:
        source = self.folder / _FILE
        source.parent.mkdir(parents=True)
        source.write_text(
            _SOURCE.replace("PACKAGE", service.removesuffix(".StatsService")), encoding="ascii"
        )
        output_of(
            "-m",
            "grpc_tools.protoc",
            f"-I{self.folder}",
            f"--python_out={self.folder}",
            f"--grpc_python_out={self.folder}",
            _FILE,
        )
        program = _PROGRAM.replace("SERVICE", service)
        for imports in ((_OURS, _THEIRS), (_THEIRS, _OURS)):
            said = output_of("-c", "\n".join((*imports, program)), folders=(self.folder,))
            self.assertEqual(said, f"('a>>>b', 7)\n{service} {service}\n")
