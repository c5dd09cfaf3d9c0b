"""Counting: the counters, where they live, and what adds to them."""
