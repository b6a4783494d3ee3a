"""Classifiers that predict sets."""
