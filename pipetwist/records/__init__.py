"""A file with a line for each connection that has ended."""
