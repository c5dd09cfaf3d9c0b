"""Parts of pipetwist that are in memory and do what a test says. `pipetwist.testing` publishes
them.
"""
