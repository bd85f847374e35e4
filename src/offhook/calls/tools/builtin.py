"""The tools that come with the house."""

from collections.abc import Collection, Mapping, Sequence

from offhook.calls.tools.base import Tool
from offhook.calls.tools.calendar import BookAppointment, CheckAvailability
from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.hold import Hold
from offhook.calls.tools.messages import TakeMessage
from offhook.calls.tools.send_dtmf import SendDtmf
from offhook.calls.tools.switch_language import SwitchLanguage
from offhook.calls.tools.transfer_call import TransferCall
from offhook.config import TransferSettings
from offhook.config.tools import USUAL_TOOLS
from offhook.providers.llm.flow.facts import Facts

__all__ = ["builtin_tools"]


def builtin_tools(
    facts: Facts,
    transfers: Mapping[str, TransferSettings] | None = None,
    names: Collection[str] = USUAL_TOOLS,
    *,
    dispositions: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> tuple[Tool, ...]:
    """Those of `names` that are built in: messages, the calendar by the hours and rules in `facts`, transfers to the
    places named, waiting, keys, the choice of `languages`, hanging up with one of `dispositions`."""
    handing_over: tuple[Tool, ...] = (TransferCall(transfers),) if transfers else ()
    every: tuple[Tool, ...] = (
        TakeMessage(),
        CheckAvailability(facts),
        BookAppointment(facts),
        *handing_over,
        Hold(),
        SendDtmf(),
        *((SwitchLanguage(languages),) if len(languages) > 1 else ()),
        EndCall(dispositions),
    )
    return tuple(tool for tool in every if tool.spec.name in names)
