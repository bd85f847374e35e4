from offhook.calls import turns
from offhook.calls.engines.voice_floor import VoiceFloor
from offhook.config import TurnSettings

CHUNK_MS = 32


class Voice:
    """A voice and silences, chunk by chunk."""

    def __init__(self, *, agent_speaking: bool) -> None:
        self.floor = VoiceFloor(TurnSettings())
        self.agent_speaking = agent_speaking
        self.now_ms = 0

    def lasts(self, ms: int, probability: float = 1.0) -> list[turns.Action]:
        actions: list[turns.Action] = []
        for _ in range(ms // CHUNK_MS):
            self.now_ms += CHUNK_MS
            actions += self.floor.voice(probability, self.now_ms, agent_speaking=self.agent_speaking)
        return [action for action in actions if not isinstance(action, turns.ReplyEarly | turns.TakeBack)]

    def pauses(self, ms: int) -> list[turns.Action]:
        return self.lasts(ms, 0.0)


def kinds(actions: list[turns.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_turn_ends_after_the_silence_without_any_words() -> None:
    voice = Voice(agent_speaking=False)
    assert kinds(voice.lasts(640)) == ["SpeechStarted"]
    assert kinds(voice.pauses(480)) == ["SpeechEnded", "Transcribe"]
    [end] = voice.pauses(64)
    assert isinstance(end, turns.EndTurn)
    assert (end.onset_ms, end.end_ms) == (0, 640)
    assert not voice.floor.speaking
    assert voice.floor.voiced_ms == 640


def test_a_voice_over_the_agent_holds_it_and_the_provider_decides() -> None:
    voice = Voice(agent_speaking=True)
    assert kinds(voice.lasts(64)) == ["SpeechStarted", "HoldAgent"]
    assert kinds(voice.floor.is_speech()) == ["Interrupt"]
    assert kinds(voice.floor.is_speech()) == []
    assert kinds(voice.pauses(600))[-1] == "EndTurn"


def test_what_the_provider_says_after_the_voice_still_counts() -> None:
    voice = Voice(agent_speaking=True)
    voice.lasts(96)
    voice.pauses(320)
    assert "Interrupt" in kinds(voice.floor.is_speech())
    assert kinds(voice.pauses(320)) == ["EndTurn"]


def test_a_sound_that_nobody_calls_speech_lets_the_agent_go_on() -> None:
    voice = Voice(agent_speaking=True)
    voice.lasts(96)
    assert kinds(voice.pauses(960))[-2:] == ["ResumeAgent", "Forget"]
    assert not voice.floor.speaking


def test_a_long_voice_interrupts_whatever_the_provider_says() -> None:
    voice = Voice(agent_speaking=True)
    assert kinds(voice.lasts(736))[-1] == "Interrupt"
