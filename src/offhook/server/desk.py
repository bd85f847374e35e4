"""What the calls of this process are made with."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from offhook.audio.melody import Melody
from offhook.calls.clock import MediaClock
from offhook.calls.engines.base import EngineFactory
from offhook.calls.engines.expected import Announced
from offhook.calls.speaker import Phrases
from offhook.calls.voice_detection import VoiceDetection
from offhook.carriers.outbound import Dialler
from offhook.config import Settings
from offhook.events import EventSink
from offhook.server.consultations import Consultations
from offhook.server.records import CallRecords

__all__ = ["Desk"]


@dataclass(frozen=True)
class Desk:
    """What the switchboard needs to make calls. `phrases` is None where no agent speaks; `dialler` knows the calls that
    we placed; `expect` makes an agent's providers ready for a call; `spent_up` is whether today has cost enough.
    `melodies` are the hold music of agents that have their own, `consultations` ask people to take calls over."""

    settings: Settings
    clock: MediaClock
    sink: EventSink
    records: CallRecords
    engines: Mapping[str, EngineFactory]
    instructions: Mapping[str, str]
    voice_detection: VoiceDetection | None
    phrases: Phrases | None
    files: Executor
    dialler: Dialler | None = None
    expect: Callable[[str, Announced | None], None] = lambda agent, announced: None
    spent_up: Callable[[], bool] = lambda: False
    melodies: Mapping[str, Melody] = field(default_factory=dict)
    consultations: Consultations | None = None
