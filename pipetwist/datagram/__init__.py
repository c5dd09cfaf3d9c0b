"""Datagrams: sockets that are read and written in batches, who sends from where, and datagrams
framed on a stream.
"""
