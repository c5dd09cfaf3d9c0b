"""How much may pass: rates, and who waits until more may."""
