"""The contract between a call and whatever answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from offhook.calls.change import Change
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.calls.track import Track
from offhook.events import EndReason, EventSink
from offhook.providers.llm.base import CallFacts

__all__ = ["CallHandle", "Engine", "EngineFactory"]


@dataclass(frozen=True, slots=True)
class CallHandle:
    """What a call lends to its engine. `now_ms` is the call's media clock; `end` hangs up, once."""

    facts: CallFacts
    playout: Playout
    now_ms: Callable[[], int]
    emit: EventSink
    end: Callable[[EndReason, str], None]
    tool_context: ToolContext


class Engine(Protocol):
    """Turns caller audio into agent audio for one call. All but `close` run on the event loop and never block."""

    wants_vad: bool

    def start(self) -> None:
        """The call is answered; frames follow."""
        ...

    def hear(self, frame: bytes) -> None:
        """One 20 ms frame of the caller, in the leg's format. The n-th frame begins at n * 20 ms."""
        ...

    def voice(self, probability: float, end_ms: int) -> None:
        """The voice detector's verdict on the caller's audio up to `end_ms`."""
        ...

    def dtmf(self, digit: str) -> None:
        """The caller pressed a key."""
        ...

    def track_started(self, track: Track) -> None:
        """The first frame of an utterance left."""
        ...

    def track_finished(self, track: Track) -> None:
        """The caller heard an utterance to its end."""
        ...

    def tick(self, now_ms: int) -> None:
        """20 ms have passed."""
        ...

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line`, then end the call for `reason`."""
        ...

    def change(self, change: Change) -> None:
        """Be another one from now on, as far as `change` says. Raises ToolError for names of what is not there, and
        then changes nothing."""
        ...

    async def close(self) -> None:
        """The call is over: stop all work."""
        ...


EngineFactory = Callable[[CallHandle], Engine]
