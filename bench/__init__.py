"""Benchmarks of pipetwist beside other relays: `python -m bench`, or `make bench`. Linux only, with
a C compiler.
"""
