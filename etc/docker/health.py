"""Exits with status 0 if gRPC's health service says that pipetwist serves. Its address is HOST:PORT
or unix:PATH in PIPETWIST_SERVER, or 127.0.0.1:10085.
"""

from __future__ import annotations

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SECONDS = 4

with grpc.insecure_channel(os.environ.get("PIPETWIST_SERVER", "127.0.0.1:10085")) as channel:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=SECONDS
        )
    except grpc.RpcError as error:
        sys.exit(f"the health service does not answer: {error.details()}")
sys.exit(answer.status != health_pb2.HealthCheckResponse.SERVING)
