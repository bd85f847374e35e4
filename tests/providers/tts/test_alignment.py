# ruff: noqa: RUF001
import numpy as np

from offhook.providers.tts.alignment import STEP, band_levels, phones_of, word_spans


def keys(phonemes: str) -> list[str]:
    return [phone.key for phone in phones_of(phonemes)]


def test_stress_belongs_to_its_vowel_and_the_end_is_drawn_out() -> None:
    assert keys("həlˈO.") == ["^", "h", "ə", "l", "O'$", ".", "$"]


def test_a_comma_draws_out_what_is_before_it() -> None:
    assert keys("kˈɔlɪŋ, ju") == ["^", "k", "ɔ'", "l", "ɪ$", "ŋ$", ",", "j", "u$", "$"]


def test_words_are_what_spaces_divide() -> None:
    assert [phone.word for phone in phones_of("ˌI — hæv")] == [-1, 0, -1, 2, 2, 2, -1]


def test_levels_are_a_row_a_step() -> None:
    tone = np.sin(2 * np.pi * 1500 * np.arange(10 * STEP + 100) / 24_000).astype(np.float32)
    levels = band_levels(tone)
    assert levels.shape == (10, 6)
    assert set(levels.argmax(axis=1).tolist()) == {2}


def test_spans_lie_in_order_within_the_audio() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * STEP).astype(np.float32)
    spans = word_spans("ðɪs ɪz nˈYz, nˌɑt spˈiʧ.", noise)
    edges = [edge for word in range(5) for edge in spans[word]]
    assert edges == sorted(edges)
    assert edges[0] > 0
    assert edges[-1] < len(noise)


def test_audio_too_short_for_its_sounds_is_shared_out() -> None:
    assert set(word_spans("wˌʌn tˈu θɹˈi", np.zeros(3 * STEP, np.float32))) == {0, 1, 2}


def test_an_unknown_sign_does_no_harm() -> None:
    assert set(word_spans("ʘʘ ʘ", np.zeros(20 * STEP, np.float32))) == {0, 1}
