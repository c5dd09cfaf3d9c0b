"""Prometheus's metrics: collectors that read, at each scrape, what the rest of pipetwist has
counted anyway.
"""
