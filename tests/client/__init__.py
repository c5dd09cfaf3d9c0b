"""Asking a StatsService, whoever serves it."""
