"""What clients connect to. One file for each type, and a registry that lists them."""
