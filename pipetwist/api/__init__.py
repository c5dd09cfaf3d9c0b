"""The counters over gRPC, as V2Ray's StatsService. Only `pipetwist.api.options` may be imported where grpcio can't be had."""
