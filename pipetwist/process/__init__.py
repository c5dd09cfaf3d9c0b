"""Starting commands and ending them."""
