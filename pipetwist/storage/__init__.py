"""Counters in a file: they go on where they were after a stop, a crash or a kill."""
