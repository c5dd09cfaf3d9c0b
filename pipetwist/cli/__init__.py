"""The command pipetwist."""

from __future__ import annotations

import os

# The command says in a line of its own why there is no answer. gRPC, which reads this when it is
# imported, would add its words for some of the reasons.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
