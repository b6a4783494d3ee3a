"""Checks of parameters and of set predictors."""
