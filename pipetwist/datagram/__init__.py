"""Datagrams: sockets that are read and written in batches, the association of each source, and
datagrams framed on a stream.
"""
