"""Who a client is: the users of a configuration, found by what is known of a client."""
