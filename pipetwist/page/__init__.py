"""The live page: its figures as JSON and as server-sent events, and its files. It reads only the
connection table and the counters.
"""
