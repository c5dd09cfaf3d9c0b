"""Tests of where connections are carried to."""
