"""Checks, types and texts that all parts of the package use."""
