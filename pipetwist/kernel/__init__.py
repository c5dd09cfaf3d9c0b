"""Connections between kernel descriptors: sockets and commands' pipes, without Twisted's transports
and mostly without a copy.
"""
