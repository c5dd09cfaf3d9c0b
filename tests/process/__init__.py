"""Tests of commands: what they need, how they start and end, and their standard streams."""
