import numpy as np
import pytest

from offhook.audio.tones import sine
from offhook.audio.trimming import SilenceTrimmer

RATE = 24_000


def quiet(ms: int) -> bytes:
    return bytes(RATE * ms // 1000 * 2)


def sound(ms: int) -> bytes:
    return np.full(RATE * ms // 1000, 5000, "<i2").tobytes()


def trimmed(audio: bytes, step: int) -> bytes:
    trimmer = SilenceTrimmer(RATE)
    return b"".join(trimmer.feed(audio[at : at + step]) for at in range(0, len(audio), step)) + trimmer.end()


@pytest.mark.parametrize("step", [2, 238, 240, 2_400, 1 << 20])
def test_both_ends_are_cut_wherever_the_chunks_are(step: int) -> None:
    audio = quiet(300) + sound(100) + quiet(400) + sound(50) + quiet(500)
    kept = trimmed(audio, step)
    assert kept == quiet(20) + sound(100) + quiet(400) + sound(50) + quiet(150)


def test_nothing_but_silence_gives_nothing() -> None:
    assert trimmed(quiet(1_000), 999 * 2) == b""
    assert trimmed(b"", 2) == b""


def test_what_has_no_silence_is_left_alone() -> None:
    assert trimmed(sound(33), 100) == sound(33)


def test_less_silence_than_allowed_is_kept() -> None:
    audio = quiet(10) + sound(50) + quiet(100)
    assert trimmed(audio, 960) == audio


def test_sound_is_not_held_back() -> None:
    trimmer = SilenceTrimmer(RATE)
    assert trimmer.feed(quiet(100)) == b""
    assert trimmer.feed(sound(40)) == quiet(20) + sound(40)
    assert trimmer.feed(quiet(100)) == quiet(100)
    assert trimmer.feed(quiet(100)) == quiet(50)
    assert trimmer.feed(sound(5)) == quiet(50) + sound(5)


def test_faint_noise_is_silence_and_a_faint_voice_is_not() -> None:
    noise = sine(200, 100, RATE, dbfs=-54)
    voice = sine(200, 100, RATE, dbfs=-40)
    kept = trimmed(noise + voice + noise, 480)
    assert len(kept) == len(quiet(20 + 100 + 100))


def test_the_next_speech_begins_afresh() -> None:
    trimmer = SilenceTrimmer(RATE)
    first = trimmer.feed(quiet(50) + sound(20)) + trimmer.end()
    assert trimmer.feed(quiet(50) + sound(20)) + trimmer.end() == first
