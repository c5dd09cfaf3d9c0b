"""The gRPC API."""

import pipetwist.api  # noqa: F401 - says how gRPC is to behave, which has to be said before a test imports gRPC
