"""Tests of the counters in a file."""
