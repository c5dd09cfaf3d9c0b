"""The reading of configurations."""
