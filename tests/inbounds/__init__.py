"""Tests of where clients come in."""
