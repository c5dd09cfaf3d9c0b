"""Tests of the interfaces: everybody who provides one is held to it."""
