"""Tests of the file of connection records."""
