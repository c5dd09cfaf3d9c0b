"""The tree of services, which connects the rooms."""
