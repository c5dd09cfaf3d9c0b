"""Choosing an outbound for a visitor."""
