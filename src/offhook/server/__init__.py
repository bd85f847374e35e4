"""Puts the house together: the listening ports, the models, the calls."""
