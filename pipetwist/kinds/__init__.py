"""What a kind of inbound or outbound says of itself, and the registries of the kinds that there
are.
"""
