from datetime import UTC, datetime
from pathlib import Path

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.utterances import Utterances
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.calls.track import Track
from offhook.events import AgentSaid, AgentSpeechStarted, CallEvent, TurnMeasured
from offhook.providers.llm.base import CallFacts


def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_an_utterance_is_told_once_and_measured_if_it_answers_a_turn() -> None:
    events: list[CallEvent] = []
    call = CallHandle(
        CallFacts("call-1", "a", "", now()),
        Playout(PCM_8K, send=lambda frame: None),
        lambda: 1_500,
        events.append,
        lambda reason, detail: None,
        ToolContext("call-1", "", Path(), now),
    )
    utterances = Utterances(call)
    utterances.watch.turn_ended(700, 1_200)
    utterances.watch.first_text(1_300)
    track = Track(PCM_8K, text="Hello. ")
    utterances.finished(track)
    utterances.started(track)
    track.interrupted = True
    utterances.finished(track)
    utterances.finished(track)
    assert [type(event) for event in events] == [AgentSpeechStarted, TurnMeasured, AgentSaid]
    assert events[-1] == AgentSaid("call-1", 1_500, "Hello.", "", 1_500, 1_500, interrupted=True)
