from collections.abc import Callable
from typing import TypeVar

import pytest

from offhook.calls import turns
from offhook.calls.turns import (
    Action,
    EndTurn,
    Forget,
    HoldAgent,
    Interrupt,
    ResumeAgent,
    SpeechStarted,
    Transcribe,
    Turns,
)
from offhook.config import TurnSettings
from offhook.providers.stt.base import Transcript

CHUNK = 32
_A = TypeVar("_A", bound=Action)


class Caller:
    """Speaks to a Turns in chunks of voice and silence, and notes what it does and when."""

    def __init__(
        self,
        settings: TurnSettings | None = None,
        *,
        backchannel: Callable[[str], bool] = lambda text: False,
        agent_speaking: bool = False,
    ) -> None:
        self.turns = Turns(settings or TurnSettings(), backchannel)
        self.agent_speaking = agent_speaking
        self.now_ms = 0
        self.actions: list[tuple[int, Action]] = []

    def sounds(self, ms: int, probability: float = 0.9) -> "Caller":
        until = self.now_ms + ms
        while self.now_ms < until:
            self.now_ms += CHUNK
            actions = self.turns.voice(probability, self.now_ms, agent_speaking=self.agent_speaking)
            self.note(actions)
        return self

    def silent(self, ms: int) -> "Caller":
        return self.sounds(ms, 0.02)

    def says(self, text: str, confidence: float = 0.9) -> "Caller":
        asked = self.all(Transcribe)[-1]
        self.note(self.turns.transcribed(asked.ticket, Transcript(text, confidence)))
        return self

    def note(self, actions: list[Action]) -> None:
        self.actions += [(self.now_ms, action) for action in actions]

    def all(self, kind: type[_A]) -> list[_A]:
        return [action for _, action in self.actions if isinstance(action, kind)]

    def when(self, kind: type[Action]) -> int:
        return next(at for at, action in self.actions if isinstance(action, kind))


def test_a_turn_is_transcribed_ahead_and_ends_after_the_hold() -> None:
    caller = Caller().silent(320).sounds(960).silent(256).says("I need a plumber.").silent(480)
    assert caller.all(SpeechStarted) == [SpeechStarted(320)]
    assert caller.when(Transcribe) - 1280 == pytest.approx(200, abs=CHUNK)
    assert caller.when(EndTurn) - 1280 == pytest.approx(500, abs=CHUNK)
    [end] = caller.all(EndTurn)
    assert (end.onset_ms, end.end_ms, end.transcript.text) == (320, 1280, "I need a plumber.")


def test_a_turn_waits_for_a_slow_transcript() -> None:
    caller = Caller().sounds(640).silent(960)
    assert not caller.all(EndTurn)
    caller.says("Yes please.")
    assert caller.when(EndTurn) == caller.now_ms


def test_going_on_after_a_pause_makes_the_transcript_stale() -> None:
    caller = Caller().sounds(640).silent(320)
    ticket = caller.all(Transcribe)[0].ticket
    caller.sounds(640)
    assert caller.turns.transcribed(ticket, Transcript("I would", 0.9)) == []
    caller.silent(256).says("I would like to book.").silent(320)
    [end] = caller.all(EndTurn)
    assert end.onset_ms == 0
    assert end.transcript.text == "I would like to book."


def test_an_unfinished_ending_waits_longer() -> None:
    caller = Caller().sounds(640).silent(256).says("My name is").silent(700)
    assert not caller.all(EndTurn)
    caller.silent(320)
    assert caller.when(EndTurn) - 640 == pytest.approx(1200, abs=CHUNK)


def test_noise_without_words_is_forgotten() -> None:
    caller = Caller().sounds(96).silent(256).says("").silent(2000)
    assert caller.all(Forget) == [Forget()]
    assert not caller.all(EndTurn)
    assert not caller.turns.speaking


def test_voice_goes_on_at_a_lower_level_than_it_begins_with() -> None:
    caller = Caller().sounds(320, 0.4)
    assert caller.actions == []
    caller.sounds(64).sounds(640, 0.4)
    assert caller.turns.speaking
    assert not caller.all(Transcribe)


def test_voice_over_the_agent_holds_it_at_once() -> None:
    caller = Caller(agent_speaking=True).sounds(CHUNK)
    assert [action for _, action in caller.actions] == [SpeechStarted(0), HoldAgent()]


def test_words_over_the_agent_interrupt_it() -> None:
    caller = Caller(agent_speaking=True).sounds(480).silent(256).says("No wait.").silent(320)
    assert caller.all(Interrupt) == [Interrupt(0)]
    assert caller.all(EndTurn)[0].transcript.text == "No wait."


def test_long_speech_over_the_agent_interrupts_it_before_its_words_are_known() -> None:
    caller = Caller(agent_speaking=True).sounds(1600)
    assert caller.when(Interrupt) == pytest.approx(700, abs=CHUNK)
    assert len(caller.all(Interrupt)) == 1


@pytest.mark.parametrize(("text", "because"), [("Mm-hm.", "Mm-hm."), ("", "noise")])
def test_a_backchannel_or_a_cough_lets_the_agent_go_on(text: str, because: str) -> None:
    caller = Caller(agent_speaking=True, backchannel=lambda words: words == "Mm-hm.").sounds(320).silent(256).says(text)
    assert caller.all(ResumeAgent) == [ResumeAgent(because)]
    assert not caller.all(Interrupt)
    assert not caller.silent(2000).all(EndTurn)


def test_a_hum_that_is_taken_for_a_word_lets_the_agent_go_on_and_a_mumbled_turn_counts() -> None:
    caller = Caller(agent_speaking=True).sounds(320).silent(256).says("Mama.", 0.36)
    assert caller.all(ResumeAgent) == [ResumeAgent("Mama.")]
    assert Caller().sounds(320).silent(256).says("Mama.", 0.36).silent(600).all(EndTurn)


def test_without_barge_in_the_agent_is_not_held() -> None:
    caller = Caller(TurnSettings(barge_in=False), agent_speaking=True).sounds(2000)
    assert caller.actions == []
    caller.agent_speaking = False
    assert caller.sounds(64).all(SpeechStarted)


def test_a_transcript_nobody_asked_for_is_ignored() -> None:
    assert turns.Turns(TurnSettings(), lambda text: False).transcribed(7, Transcript("hello", 1.0)) == []
