"""What time it is for an agent."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from offhook.config import AgentSettings

__all__ = ["local_clock"]


def local_clock(agent: AgentSettings) -> Callable[[], datetime]:
    """The time now in the agent's zone, or in the machine's where it has none; always with its zone."""
    zone = ZoneInfo(agent.timezone) if agent.timezone else None
    return lambda: datetime.now(zone).astimezone(zone)
