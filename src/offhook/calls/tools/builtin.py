"""The tools that come with the house."""

from collections.abc import Collection, Mapping

from offhook.calls.tools.base import Tool
from offhook.calls.tools.calendar import BookAppointment, CheckAvailability
from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.messages import TakeMessage
from offhook.calls.tools.transfer_call import TransferCall
from offhook.config.tools import BUILTIN_TOOLS
from offhook.providers.llm.flow.facts import Facts

__all__ = ["builtin_tools"]


def builtin_tools(
    facts: Facts, transfers: Mapping[str, str] | None = None, names: Collection[str] = BUILTIN_TOOLS
) -> tuple[Tool, ...]:
    """Those of `names` that are built in: messages, the calendar by the hours and rules in `facts`, transfers to the
    places named, hanging up."""
    handing_over: tuple[Tool, ...] = (TransferCall(transfers),) if transfers else ()
    every: tuple[Tool, ...] = (
        TakeMessage(),
        CheckAvailability(facts),
        BookAppointment(facts),
        *handing_over,
        EndCall(),
    )
    return tuple(tool for tool in every if tool.spec.name in names)
