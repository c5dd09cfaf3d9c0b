"""How much may pass in a period of the calendar: what was used, and where that is kept."""
