"""Everything that is tested; run it with ``trial tests``."""
