"""The tools of the built-in agent."""

from offhook.calls.tools.base import Tool
from offhook.calls.tools.calendar import BookAppointment, CheckAvailability
from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.messages import TakeMessage
from offhook.providers.llm.flow.facts import Facts

__all__ = ["default_tools"]


def default_tools(facts: Facts) -> tuple[Tool, ...]:
    """Messages, the calendar by the hours and rules in `facts`, and hanging up."""
    return TakeMessage(), CheckAvailability(facts), BookAppointment(facts), EndCall()
