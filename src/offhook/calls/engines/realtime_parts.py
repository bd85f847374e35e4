"""What the calls of one agent that is answered by speech-to-speech sessions share."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from offhook.calls.engines.expected import ExpectedSessions
from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.so_far import SoFar
from offhook.calls.tools.base import Tool
from offhook.config import AgentSettings
from offhook.providers.realtime.base import RealtimeProvider, TurnDetection
from offhook.providers.standby import Standby

__all__ = ["HandOver", "RealtimeParts"]

HandOver = Callable[[SoFar], None]


@dataclass(frozen=True, slots=True)
class RealtimeParts:
    """`fallback` is the pipeline that takes over when no session can be had; `uninterrupted` is how sessions take turns
    where callers may not interrupt the agent. `expected` has the sessions that were opened for announced calls.
    `instructions` have places to be filled; None for those of the call. `languages` has the parts of all languages of
    the agent, these included."""

    agent: AgentSettings
    providers: Standby[RealtimeProvider]
    tools: Iterable[Tool]
    fallback: PipelineParts | None = None
    uninterrupted: TurnDetection = field(default_factory=lambda: TurnDetection(interrupts=False))
    expected: ExpectedSessions | None = None
    instructions: str | None = None
    languages: Mapping[str, "RealtimeParts"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def voice_names(self) -> Collection[str]:
        """The voices of the models that it may be given in a call."""
        return self.agent.voices
