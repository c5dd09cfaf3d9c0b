"""The published suites, over all of our own sides, outbounds and inbounds."""
