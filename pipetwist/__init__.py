"""A relay daemon on Twisted that counts every byte for each inbound, outbound and user."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
