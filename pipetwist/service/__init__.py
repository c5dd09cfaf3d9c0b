"""The service tree that joins the rooms."""
