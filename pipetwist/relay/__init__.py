"""The relay: takes each client from accept to close."""
