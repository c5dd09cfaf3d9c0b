"""What a service manager hands to a daemon, and is told by it: sockets, readiness, reloads, the
end, and that it is alive.
"""
