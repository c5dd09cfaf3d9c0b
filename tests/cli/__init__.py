"""The command pipetwist."""
