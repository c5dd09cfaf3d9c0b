"""Tests of plug-ins: their contracts, their supervision, and the connections through them."""
