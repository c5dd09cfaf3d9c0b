"""Tests of datagrams."""
