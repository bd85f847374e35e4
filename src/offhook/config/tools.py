"""Settings of tools: what an agent can do besides talking."""

__all__ = ["BUILTIN_TOOLS"]

BUILTIN_TOOLS = ("take_message", "check_availability", "book_appointment", "transfer_call", "end_call")
"""Names of the tools that come with the house, all of which an agent has if nothing else is set."""
