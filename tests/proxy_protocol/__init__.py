"""Tests of pipetwist.proxy_protocol."""
