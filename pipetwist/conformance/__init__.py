"""What every side, outbound and inbound is held to, as tests that programs run over their own.
`pipetwist.testing` publishes them.
"""
