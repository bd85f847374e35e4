"""The tools of the built-in agent."""

from collections.abc import Mapping

from offhook.calls.tools.base import Tool
from offhook.calls.tools.calendar import BookAppointment, CheckAvailability
from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.messages import TakeMessage
from offhook.calls.tools.transfer_call import TransferCall
from offhook.providers.llm.flow.facts import Facts

__all__ = ["default_tools"]


def default_tools(facts: Facts, transfers: Mapping[str, str] | None = None) -> tuple[Tool, ...]:
    """Messages, the calendar by the hours and rules in `facts`, transfers to the places named, and hanging up."""
    handing_over = (TransferCall(transfers),) if transfers else ()
    return TakeMessage(), CheckAvailability(facts), BookAppointment(facts), *handing_over, EndCall()
