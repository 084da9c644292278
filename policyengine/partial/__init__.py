"""Partial evaluation: what is known of a request, and a program, to what is left to decide."""
