"""Tests of names and addresses of the network."""
