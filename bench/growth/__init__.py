"""Whether the relay's work stays the same as connections, users and inbounds become more."""
