"""The documents that users read do what they say: their commands run, their programs work, their
links lead somewhere.
"""
