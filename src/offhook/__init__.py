"""Offhook answers and places phone calls with an AI agent."""

__all__ = ["__version__"]

__version__ = "0.1.0"
