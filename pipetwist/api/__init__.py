"""The counters over gRPC, as V2Ray's StatsService.

Without grpcio `pipetwist.api.options` and `pipetwist.api.availability` can still be imported.
"""

from __future__ import annotations

import os

# gRPC reads these when it is imported, which happens only after this module. With fork support on,
# gRPC stops its threads around each os.fork() of the process, which delays the relay by a tenth of
# a second or more. Our child processes always exec and never use gRPC's objects, so they need no
# fork support.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# Otherwise gRPC writes a line to standard error for each peer whose TLS handshake fails.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
