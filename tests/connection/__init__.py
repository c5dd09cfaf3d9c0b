"""Tests of the life of one connection, without any I/O."""
