"""What is reported to a service manager, and what it passes to the daemon."""
