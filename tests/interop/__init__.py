"""Real programs through a real daemon. `daemon`, `peers` and `scratch` are what the tests start
them with.
"""
