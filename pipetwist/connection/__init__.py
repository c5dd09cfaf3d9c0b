"""The states of one connection, without I/O: its state machine, its client, and why it failed."""
