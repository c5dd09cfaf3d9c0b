"""The counters over gRPC, as V2Ray's StatsService.

Where grpcio can't be had `pipetwist.api.options` and `pipetwist.api.availability` can still be
imported.
"""

from __future__ import annotations

import os

# gRPC reads these when it is imported, and every module here that imports it comes after this one.
# With fork support on, gRPC stops its threads around each os.fork() of the process, which stalls
# the relay for a tenth of a second and more whenever a child is started that way. Children of ours
# always exec and never use gRPC's objects, so nothing is lost.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# Otherwise gRPC writes a line of its own making to standard error for each peer that fails its TLS
# handshake.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
