"""The control service: what acts on open connections, over gRPC.

Without grpcio everything here can be imported except `pipetwist.control.service` and
`pipetwist.control.servicer`.
"""
