"""The control service: who may act on open connections, and what is done."""
