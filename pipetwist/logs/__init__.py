"""The log: its levels, its formats and its writing."""
