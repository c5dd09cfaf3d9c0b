"""Tests of `pipetwist.limits`."""
