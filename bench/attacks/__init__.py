"""What those who read the figures, or pretend to, do to everybody else's round trips."""
