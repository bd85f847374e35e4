import pytest

from offhook.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from offhook.errors import WireError
from offhook.providers.realtime.openai_live_speech import LiveSpeech
from tests.providers.realtime.listening import Told

LOUD = b"\x00\x10" * 1_600
QUIET = b"\x20\x00" * 1_600
ZERO = bytes(3_200)


class Stream:
    """Speech, fed with 100 ms at a time."""

    def __init__(self, leg: AudioFormat = PCM_16K) -> None:
        self.now_ms = 0
        self.told = Told()
        self.began: list[int] = []
        self.speech = LiveSpeech(
            self.told,
            wire=PCM_16K,
            leg=leg,
            clock=lambda: self.now_ms,
            began=lambda: self.began.append(self.now_ms),
        )

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.now_ms += 100
            self.speech.sound(piece)


def test_silence_is_nothing() -> None:
    stream = Stream()
    stream.feed(*[ZERO] * 20, *[QUIET] * 20)
    assert not stream.told.events
    assert not stream.speech.speaking


def test_sound_is_an_utterance_until_it_has_been_silent_for_a_while() -> None:
    stream = Stream()
    stream.feed(ZERO, *[LOUD] * 3, *[ZERO] * 5)
    assert stream.speech.speaking
    stream.feed(ZERO)
    assert stream.told.events == ["audio", "item done"]
    assert stream.told.audio == {"live_1": LOUD * 3}
    assert stream.began == [200]
    stream.feed(LOUD, *[ZERO] * 6)
    assert stream.told.done == ["live_1", "live_2"]


def test_a_short_pause_is_left_to_the_pace_of_the_sound() -> None:
    stream = Stream()
    stream.feed(LOUD, LOUD, ZERO, ZERO, LOUD, *[ZERO] * 6)
    assert stream.told.audio == {"live_1": LOUD * 3}


def test_the_first_sound_waits_for_a_little_more() -> None:
    stream = Stream()
    stream.feed(LOUD)
    assert not stream.told.audio
    stream.feed(LOUD)
    assert stream.told.audio == {"live_1": LOUD * 2}
    stream.feed(LOUD)
    assert stream.told.audio == {"live_1": LOUD * 3}


def test_sound_is_told_in_the_format_of_the_leg() -> None:
    stream = Stream(MULAW_8K)
    stream.feed(*[LOUD] * 3, *[ZERO] * 6)
    [audio] = stream.told.audio.values()
    assert MULAW_8K.ms_in(len(audio)) == pytest.approx(300, abs=20)


def test_words_may_come_ahead_of_their_sound_or_behind_its_end() -> None:
    stream = Stream()
    stream.speech.write("Good", 0)
    assert not stream.told.text
    stream.feed(LOUD, LOUD)
    stream.speech.write(" evening", 100)
    stream.feed(*[ZERO] * 6)
    stream.speech.write(".", 150)
    assert stream.told.text == {"live_1": "Good evening."}
    stream.speech.write("Next", 800)
    assert stream.told.text == {"live_1": "Good evening."}


def test_what_was_dropped_is_not_told_until_it_pauses() -> None:
    stream = Stream()
    stream.feed(LOUD, LOUD)
    stream.speech.drop()
    stream.speech.write("lost", 100)
    stream.feed(*[LOUD] * 5, *[ZERO] * 5, LOUD)
    assert stream.told.audio == {"live_1": LOUD * 2}
    stream.feed(*[ZERO] * 6, LOUD, LOUD)
    assert stream.told.audio == {"live_1": LOUD * 2, "live_2": LOUD * 2}
    assert not stream.told.text


def test_something_else_that_was_asked_for_may_come_after_the_first_pause() -> None:
    stream = Stream()
    stream.feed(LOUD, LOUD)
    stream.speech.drop()
    stream.speech.expect()
    stream.feed(LOUD, ZERO, LOUD, LOUD)
    assert list(stream.told.audio) == ["live_1", "live_2"]


def test_a_model_that_talks_on_is_heard_again() -> None:
    stream = Stream()
    stream.feed(LOUD, LOUD)
    stream.speech.drop()
    stream.feed(*[LOUD] * 24)
    assert list(stream.told.audio) == ["live_1"]
    stream.feed(LOUD, LOUD)
    assert list(stream.told.audio) == ["live_1", "live_2"]


def test_nothing_is_dropped_where_nothing_is_said() -> None:
    stream = Stream()
    stream.speech.drop()
    stream.feed(LOUD, LOUD)
    assert stream.told.audio


def test_half_a_sample_breaks_the_protocol() -> None:
    with pytest.raises(WireError, match="sample"):
        Stream().feed(b"\x00")
