"""The HTTP listener for monitoring: who may use it, and the headers of every response. What it
serves is made elsewhere.
"""
