"""Names and addresses of the network: looking them up without making anybody else wait."""
