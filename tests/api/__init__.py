"""The gRPC API. `serving` and `certificates` are what the tests start it with."""
