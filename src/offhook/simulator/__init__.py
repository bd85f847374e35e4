"""Synthetic callers that phone an agent and judge it, and the load that measures the server."""
