"""Real programs through a real daemon."""
