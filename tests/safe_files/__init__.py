"""Tests of `pipetwist.safe_files`."""
