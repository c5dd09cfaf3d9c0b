"""Tests of the interfaces of sides, outbounds and inbounds, which programs can run on their own
classes. `pipetwist.testing` exports them.
"""
