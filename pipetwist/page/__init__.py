"""The live page: what it shows as JSON and as server-sent events, and its files. It reads the
connection table and the counters alone.
"""
