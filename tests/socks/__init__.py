"""The client's part of SOCKS and of HTTP CONNECT."""
