"""What a kind of inbound or outbound declares about itself, and the class of their registries."""
