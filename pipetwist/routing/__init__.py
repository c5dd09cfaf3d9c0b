"""Choosing an outbound for a client."""
