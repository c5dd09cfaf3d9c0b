"""The relay: takes each visitor from accept to close."""
