"""Moving bytes between the two sides of a connection."""
