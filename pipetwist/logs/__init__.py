"""What the log says, and how it looks."""
