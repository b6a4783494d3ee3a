"""Checks and types that all parts share."""
