"""The live page: what it shows as JSON and as server-sent events, and its files. It reads the ledger and the counters alone."""
