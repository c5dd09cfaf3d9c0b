"""Tests of moving bytes between two sides."""
