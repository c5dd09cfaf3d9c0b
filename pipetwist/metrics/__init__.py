"""What Prometheus is shown: collectors that read, when they are asked, what the rest of pipetwist
has counted anyway.
"""
