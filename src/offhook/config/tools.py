"""Settings of tools: what an agent can do besides talking."""

__all__ = ["BUILTIN_TOOLS", "USUAL_TOOLS"]

USUAL_TOOLS = ("take_message", "check_availability", "book_appointment", "transfer_call", "hold", "end_call")
"""Names of the built-in tools that an agent has if nothing else is set."""

BUILTIN_TOOLS = (*USUAL_TOOLS, "send_dtmf")
"""Names of all the tools that come with the house."""
