"""A client of the StatsService of pipetwist, V2Ray, sing-box and Xray, which hides their
differences.
"""

import pipetwist.api  # noqa: F401 - it tells gRPC to keep its words to itself, which gRPC reads when it is imported
