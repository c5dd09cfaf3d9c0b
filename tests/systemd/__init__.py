"""What a service manager is told, and what it hands over."""
