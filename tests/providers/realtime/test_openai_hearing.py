from typing import Any

import pytest

from offhook.providers.realtime.base import TurnDetection
from offhook.providers.realtime.openai_answers import Answers
from offhook.providers.realtime.openai_hearing import CallerSpeech
from tests.providers.realtime.listening import Told


class Rig:
    def __init__(self, turns: TurnDetection) -> None:
        self.told, self.answers = Told(), Answers()
        self.speech = CallerSpeech(self.told, self.answers, turns)

    def take(self, kind: str, **fields: Any) -> None:
        self.speech.handlers[f"input_audio_buffer.{kind}"]({"type": kind, "item_id": "u1", **fields})


@pytest.mark.parametrize(
    ("interrupts", "answers", "dropped", "owed"),
    [(True, True, True, True), (True, False, True, False), (False, True, False, False), (False, False, False, False)],
)
def test_what_a_voice_does_to_an_answer(interrupts: bool, answers: bool, dropped: bool, owed: bool) -> None:
    rig = Rig(TurnDetection(interrupts=interrupts, answers=answers))
    answer, _ = rig.answers.begin("r1", "")
    rig.take("speech_started", audio_start_ms=40)
    assert rig.answers.caller_speaks
    assert answer.dropped is dropped
    assert rig.told.interrupted == int(dropped)
    rig.take("speech_stopped", audio_end_ms=900)
    assert rig.answers.owed is owed
    assert (rig.told.started, rig.told.stopped) == ([("u1", 40)], [("u1", 900)])


def test_an_answer_is_interrupted_once() -> None:
    rig = Rig(TurnDetection())
    rig.answers.begin("r1", "")
    rig.take("speech_started")
    rig.take("speech_started")
    assert rig.told.interrupted == 1


def test_a_new_voice_takes_back_what_was_owed() -> None:
    rig = Rig(TurnDetection())
    rig.take("speech_stopped")
    rig.take("speech_started")
    assert not rig.answers.owed
