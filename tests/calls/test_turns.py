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
    ReplyEarly,
    ResumeAgent,
    SpeechStarted,
    TakeBack,
    Transcribe,
    Turns,
)
from offhook.config import TurnSettings
from offhook.providers.stt.base import Transcript, TurnSign

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

    def hears(self, words: str, confidence: float = 0.9) -> "Caller":
        """A recogniser that listens along has these words."""
        self.note(self.turns.words(Transcript(words, confidence)))
        return self

    def judged(self, sign: TurnSign, words: str = "") -> "Caller":
        """A recogniser that listens along has its own idea of the turn."""
        self.note(self.turns.sign(sign, words))
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


def test_a_reply_is_begun_when_the_words_are_there_and_taken_back_when_the_caller_goes_on() -> None:
    caller = Caller().sounds(640).silent(256).says("I want to book.")
    assert caller.all(ReplyEarly) == [ReplyEarly("I want to book.")]
    caller.sounds(CHUNK)
    assert len(caller.all(TakeBack)) == 1
    caller.sounds(320).silent(256).says("I want to book a visit.").silent(480)
    assert [reply.text for reply in caller.all(ReplyEarly)] == ["I want to book.", "I want to book a visit."]
    assert len(caller.all(TakeBack)) == 1
    assert caller.all(EndTurn)[0].transcript.text == "I want to book a visit."


def test_no_reply_is_begun_early_to_unfinished_words_or_if_it_is_not_wanted() -> None:
    assert not Caller().sounds(640).silent(256).says("My name is").all(ReplyEarly)
    late = Caller(TurnSettings(early_reply=False)).sounds(640).silent(256).says("Yes.").judged("early", "Yes.")
    assert not late.all(ReplyEarly)


def test_what_turns_out_to_be_lost_is_taken_back() -> None:
    caller = Caller().sounds(640).judged("early", "Yes.").silent(64).judged("early", "Yes.").silent(192)
    assert caller.all(ReplyEarly) == [ReplyEarly("Yes.")], "in the voice it is no sign"
    caller.note(caller.turns.failed(caller.all(Transcribe)[-1].ticket))
    assert [type(action) for _, action in caller.actions[-2:]] == [TakeBack, Forget]


def test_a_provider_that_finds_the_turn_over_ends_it_at_once() -> None:
    caller = Caller().sounds(640).silent(96).judged("over", "Yes please.")
    assert caller.when(Transcribe) == caller.now_ms, "it is not waited for speculate_ms either"
    caller.says("Yes please.")
    assert caller.when(EndTurn) - 640 == 96
    assert not caller.all(ReplyEarly)
    assert not caller.turns.speaking


def test_a_provider_that_finds_the_turn_over_after_its_transcript_ends_it_at_once() -> None:
    caller = Caller().sounds(640).silent(256).says("Yes please.").judged("over", "Yes please.")
    assert caller.when(EndTurn) - 640 == 256


def test_words_that_expect_more_outlast_mere_silence_but_not_the_end_of_the_utterance() -> None:
    caller = Caller().sounds(640).silent(256).says("My number is").judged("over", "My number is").silent(384)
    assert not caller.all(EndTurn)
    caller.judged("over", "My number is")
    assert caller.when(EndTurn) - 640 == 640


def test_a_judgement_is_void_when_the_caller_speaks_on() -> None:
    caller = Caller().sounds(640).judged("over", "Yes").silent(256).says("Yes.").silent(64)
    assert not caller.all(EndTurn), "it came while the voice sounded"
    caller = Caller().sounds(640).silent(96).judged("over", "Yes").sounds(64).silent(256).says("Yes and no.").silent(64)
    assert not caller.all(EndTurn), "the caller went on before the transcript came"


def test_a_turn_that_is_resumed_in_the_providers_opinion_waits_on() -> None:
    caller = (
        Caller().sounds(640).silent(96).judged("early", "I want").judged("over", "I want").judged("resumed", "I want")
    )
    assert [type(action) for _, action in caller.actions[-2:]] == [Transcribe, TakeBack]
    caller.says("I want that.").silent(64)
    assert not caller.all(EndTurn)


def test_early_words_are_replied_to_once_and_again_when_they_change() -> None:
    caller = Caller().sounds(640).silent(64).judged("early", "Yes.").silent(192).says("Yes.")
    assert caller.all(ReplyEarly) == [ReplyEarly("Yes.")]
    caller = Caller().sounds(640).silent(64).judged("early", "Yes.").silent(192).says("Guess.")
    assert [type(action) for _, action in caller.actions[-2:]] == [TakeBack, ReplyEarly]


def test_words_over_the_agent_interrupt_it_while_they_are_said() -> None:
    caller = Caller(agent_speaking=True).sounds(256).hears("Wait a")
    assert caller.when(Interrupt) == 256
    caller.sounds(1_000)
    assert len(caller.all(Interrupt)) == 1


@pytest.mark.parametrize("transcript", ["", "Mama"])
def test_unclear_words_over_the_agent_are_a_hum(transcript: str) -> None:
    caller = Caller(agent_speaking=True).sounds(256).hears("Mama", 0.4).silent(64).judged("over", "Mama")
    assert not caller.all(Interrupt)
    caller = Caller(agent_speaking=True).sounds(256).hears("Mama", 0.4).silent(256).says(transcript, 0.4)
    assert (caller.all(Interrupt), len(caller.all(ResumeAgent))) == ([], 1)


@pytest.mark.parametrize("words", ["mm", "I", "uh", "okay right", "yeah I"])
def test_words_that_may_become_a_backchannel_do_not_interrupt(words: str) -> None:
    caller = Caller(agent_speaking=True, backchannel=lambda text: text == "mm").sounds(256).hears(words)
    assert not caller.all(Interrupt)


def test_words_show_that_a_sound_was_speech_though_its_transcript_is_empty() -> None:
    caller = Caller().sounds(320).hears("Yes").silent(256).says("").silent(480)
    assert caller.all(EndTurn)[0].transcript.text == "Yes"


def test_a_backchannel_that_is_judged_over_lets_the_agent_go_on() -> None:
    caller = Caller(agent_speaking=True, backchannel=lambda words: words == "Mm-hm.").sounds(320).silent(64)
    caller.judged("early", "Mm-hm.").judged("over", "Mm-hm.").says("Mm-hm.")
    assert caller.all(ResumeAgent) == [ResumeAgent("Mm-hm.")]
    assert not caller.all(ReplyEarly)


def test_signs_and_words_without_a_voice_are_ignored() -> None:
    caller = Caller().silent(320).hears("Hello").judged("early", "Hello").judged("over", "Hello").judged("resumed")
    assert caller.actions == []


def held(text: str = "") -> Caller:
    """A short sound over the agent, of which no words are there when the agent's patience ends."""
    caller = Caller(agent_speaking=True, backchannel=lambda words: words == "Mm-hm.").sounds(320).silent(832)
    assert caller.all(ResumeAgent) == [ResumeAgent("not judged yet")]
    return caller.says(text) if text else caller


def test_the_agent_goes_on_when_a_sound_takes_too_long_to_judge() -> None:
    caller = held()
    assert caller.when(ResumeAgent) - 320 == pytest.approx(TurnSettings().judge_ms, abs=CHUNK)
    assert (caller.all(Interrupt), caller.all(Forget)) == ([], [])


def test_what_was_a_backchannel_after_all_changes_nothing_more() -> None:
    caller = held("Mm-hm.")
    assert (caller.all(Interrupt), caller.all(Forget), len(caller.all(ResumeAgent))) == ([], [Forget()], 1)


def test_what_was_an_interruption_after_all_interrupts() -> None:
    caller = held("Stop.")
    assert caller.all(Interrupt) == [Interrupt(0)]
    assert [end.transcript.text for end in caller.all(EndTurn)] == ["Stop."]


def test_words_that_come_late_interrupt() -> None:
    assert held().hears("Stop it").all(Interrupt) == [Interrupt(0)]


def test_a_voice_holds_the_agent_again_that_went_on() -> None:
    caller = held().sounds(96)
    assert len(caller.all(HoldAgent)) == 2
    caller.sounds(640)
    assert caller.all(Interrupt) == [Interrupt(0)]


def test_what_cannot_be_transcribed_lets_the_agent_who_went_on_alone() -> None:
    caller = held()
    caller.note(caller.turns.failed(caller.all(Transcribe)[-1].ticket))
    assert (caller.all(Interrupt), caller.all(Forget)) == ([], [Forget()])
