"""HAProxy's PROXY protocol, versions 1 and 2: a header's bytes are told from those after it, read,
and built, without I/O.

The specification is ``doc/proxy-protocol.txt`` of HAProxy. The package ``proxy-protocol`` packs and
unpacks addresses. What it takes too easily is checked here before, such as numbers, lengths and the
family of a LOCAL header; so is CRC32C, which it computes over the TLVs in another order than that
in which they came.
"""
