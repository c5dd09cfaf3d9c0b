"""Where connections go. One file for each type, and a registry that lists them."""
