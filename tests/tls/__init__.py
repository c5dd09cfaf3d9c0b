"""TLS: contexts, certificates, names."""
