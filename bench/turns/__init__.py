"""The relay's own work for a connection and for a round trip, on one thread that plays the client
and the server as well.
"""
