"""Tests of the log: its levels and its JSON form."""
