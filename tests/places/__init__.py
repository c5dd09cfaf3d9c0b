"""Tests of `pipetwist.places`."""
