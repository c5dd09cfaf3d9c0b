"""Asking a StatsService, whoever serves it: pipetwist, V2Ray, sing-box or Xray. What they differ in
is evened out here.
"""

import pipetwist.api  # noqa: F401 - it tells gRPC to keep its words to itself, which gRPC reads when it is imported
