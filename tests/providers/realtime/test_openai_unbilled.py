from base64 import b64encode
from typing import Any

import pytest

from offhook.audio.formats import MULAW_8K
from offhook.providers.realtime.openai_unbilled import Unbilled
from offhook.providers.usage import Usage

SECOND = b64encode(bytes(8_001)).decode()


class Session:
    def __init__(self) -> None:
        self.unbilled = Unbilled(MULAW_8K)

    def take(self, kind: str, **fields: Any) -> None:
        self.unbilled.take(kind, {"type": kind, **fields})

    def ask_and_answer(self) -> None:
        """The caller speaks for two seconds; the agent has said one."""
        self.take("input_audio_buffer.speech_started", audio_start_ms=1_000)
        self.take("input_audio_buffer.speech_stopped", audio_end_ms=3_000)
        self.take("response.created", response={"id": "r1"})
        self.take("response.output_audio.delta", delta=SECOND)
        self.take("response.output_audio_transcript.delta", delta="We open ")


def test_an_answer_that_breaks_off_has_used_what_came_and_what_went_before() -> None:
    session = Session()
    session.unbilled.billed(Usage(text_in=5, text_cached=6, text_out=7, audio_in=10, audio_cached=20, audio_out=40))
    session.ask_and_answer()
    told = Usage(text_cached=18, text_out=2, audio_in=20, audio_cached=70, audio_out=20, estimated=True)
    assert session.unbilled.rest() == told
    assert session.unbilled.rest() is None, "it is told once"


def test_what_was_told_is_no_estimate() -> None:
    session = Session()
    session.ask_and_answer()
    session.take("response.done", response={"id": "r1"})
    session.unbilled.billed(Usage(audio_out=20))
    assert session.unbilled.rest() is None


@pytest.mark.parametrize("event", [{}, {"response": None}, {"delta": None}, {"audio_end_ms": "soon"}])
def test_events_without_what_they_should_have(event: dict[str, Any]) -> None:
    session = Session()
    for kind in ("response.output_audio.delta", "input_audio_buffer.speech_stopped", "response.done"):
        session.take(kind, **event)
    assert session.unbilled.rest() is None
