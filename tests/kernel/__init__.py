"""The transfer between kernel descriptors, with the kernel's own sockets, pipes and commands."""
