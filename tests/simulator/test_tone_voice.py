import numpy as np
import pytest

from offhook.simulator.speech import whole_speech
from offhook.simulator.tone_voice import ToneVoice


async def test_every_word_is_a_tone_at_the_time_it_is_said_to_sound() -> None:
    text = "We open at nine."
    speech = await whole_speech(ToneVoice(letter_ms=50, gap_ms=30), text)
    assert [text[word.start : word.end] for word in speech.words] == text.split()
    for index, word in enumerate(speech.words):
        assert word.end_ms - word.start_ms == (word.end - word.start) * 50
        sound = speech.samples[round(word.start_ms * 24) : round(word.end_ms * 24)]
        loudest = np.argmax(np.abs(np.fft.rfft(sound))) * 24_000 / len(sound)
        assert loudest == pytest.approx(300 + 100 * index, abs=15)
        gap = speech.samples[round(word.end_ms * 24) : round(word.end_ms * 24) + 720]
        assert not gap.any()


async def test_speed_shortens_the_words() -> None:
    usual, fast = [await whole_speech(ToneVoice(gap_ms=0), "nine", speed=speed) for speed in (1.0, 2.0)]
    assert len(fast.samples) == len(usual.samples) / 2
