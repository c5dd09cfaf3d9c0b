"""The relays that are measured, each in a module of its own."""
