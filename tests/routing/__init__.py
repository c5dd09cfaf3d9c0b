"""Tests of choosing an outbound."""
