"""Counters in a file, which survive a stop, a crash or a kill."""
