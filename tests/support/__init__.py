"""What tests of several rooms share: programs, far ends, daemons, transports and documents to test
with.
"""
