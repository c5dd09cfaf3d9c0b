"""The life of one connection, decided without any I/O: its state machine, who came, and what is
told of it afterwards.
"""
