"""What is measured: each kind of measure in a module of its own, and all of them in the
catalogue.
"""
