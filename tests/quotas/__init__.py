"""How much may pass in a period."""
