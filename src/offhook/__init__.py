"""Offhook answers and places phone calls with an AI agent."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhook.agent import Agent, ToolContext, ToolError

__all__ = ["Agent", "ToolContext", "ToolError", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only who writes an agent waits for the import of what it stands on.
    if name in __all__:
        from offhook import agent  # noqa: PLC0415

        return getattr(agent, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
