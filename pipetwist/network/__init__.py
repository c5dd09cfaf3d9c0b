"""Names and addresses: look-ups that delay nothing else, and listening sockets."""
