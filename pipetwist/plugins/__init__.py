"""Plug-ins, which are transports that are programs of their own: their contracts, and their
supervision.
"""
