"""Tests of the relay, with sides in memory."""
