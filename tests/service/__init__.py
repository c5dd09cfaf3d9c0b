"""Tests of the service tree and of what twistd starts."""
