"""Tests of who a client is."""
