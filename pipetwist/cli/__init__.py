"""The command pipetwist."""

from __future__ import annotations

import os

# The command itself prints one line when there is no answer. gRPC, which reads this when it is
# imported, would add its own lines.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
