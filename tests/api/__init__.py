"""The gRPC API. `serving` and `certificates` are what the tests start it with."""

import pipetwist.api  # noqa: F401 - says how gRPC is to behave, which has to be said before a test imports gRPC
