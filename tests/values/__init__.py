"""The kinds of value that a configuration is made of."""
