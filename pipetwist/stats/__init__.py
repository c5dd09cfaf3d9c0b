"""Counting: the counters, their store in memory, and what adds to them."""
