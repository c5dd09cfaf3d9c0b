"""Tests of the kinds of inbound and outbound, and of a program that brings its own."""
