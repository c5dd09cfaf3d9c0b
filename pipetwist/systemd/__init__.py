"""What a service manager passes to a daemon, and what the daemon reports to it: sockets, readiness,
reloads, the stop, and that it is alive.
"""
