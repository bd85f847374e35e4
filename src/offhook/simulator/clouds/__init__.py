"""Doubles that speak the vendors' wires, so that an agent is tested without an account."""
