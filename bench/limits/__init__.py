"""How close to its figure a limited relay is, and what that costs."""
