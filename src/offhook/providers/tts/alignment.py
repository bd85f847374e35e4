"""When each word sounds, found in the synthesised audio itself.

The voice's network keeps the durations of its phonemes to itself, so that the phonemes are laid along the audio once
more: each phoneme has a usual length and a usual spectrum, and the best division of the audio among them is found by
dynamic programming over steps of 25 ms, which is the network's own grid. Both tables stand in `hibari_phones.csv`;
they were learnt from 820 sentences of the voice "heart", by dividing and re-estimating in turn until the boundaries
stood still.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["PAUSES", "STEP", "Phone", "band_levels", "phones_of", "word_spans"]

STEP = 600
PAUSES = frozenset(",.;:!?—…")
_STRESSES = frozenset("ˈˌ")
_VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵊᵻɐ")  # noqa: RUF001
_EDGES_HZ = (80, 400, 1000, 2200, 3800, 6000, 11000)
_BIN_HZ = 24_000 / STEP
_BINS = [round(edge / _BIN_HZ) for edge in _EDGES_HZ]
_HANN = np.hanning(STEP).astype(np.float32)
_LONGEST = 28

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound to be placed: its key in the table, and the word it belongs to (-1 for silence)."""

    key: str
    word: int = -1


def phones_of(phonemes: str) -> list[Phone]:
    """The sounds of a phoneme string, with the silence before and after it.

    A stress mark belongs to the vowel it precedes, and sounds before a pause, from the last vowel on, are drawn out:
    both have entries of their own. Signs that the network does not know have no sound."""
    phones = [Phone("^")]
    for word, signs in enumerate(phonemes.split(" ")):
        for sign, stressed in _signs(signs):
            phones.append(Phone(sign) if sign in PAUSES else Phone(sign + "'" * stressed, word))
    return _with_finals([*phones, Phone("$")])


def word_spans(phonemes: str, audio: Floats, *, speed: float = 1.0) -> dict[int, tuple[int, int]]:
    """Samples `[start, end)` of `audio`, at 24 kHz, in which each word of `phonemes` sounds, by the word's number.

    Words are what spaces divide; one without a sound is left out."""
    phones = phones_of(phonemes)
    starts = _division(phones, band_levels(audio), speed)
    return _words(phones, [int(start) * STEP for start in starts])


def band_levels(audio: Floats) -> Floats:
    """Level in six bands, in powers of ten, of each 25 ms of `audio`: shape (steps, 6)."""
    steps = audio[: len(audio) // STEP * STEP].reshape(-1, STEP)
    spectrum = np.abs(np.fft.rfft(steps * _HANN)) ** 2
    power = np.add.reduceat(spectrum[:, : _BINS[-1]], _BINS[:-1], axis=1)
    levels: Floats = np.log10(power + 1e-4).astype(np.float32)
    return levels


def _signs(phonemes: str) -> Iterator[tuple[str, bool]]:
    stressed = False
    for sign in phonemes:
        if sign in _STRESSES:
            stressed = True
        else:
            yield sign, stressed
            stressed = False


def _with_finals(phones: Sequence[Phone]) -> list[Phone]:
    marked: list[Phone] = []
    drawn = False
    for phone in reversed(phones):
        silent = phone.word < 0
        drawn = silent or drawn
        marked.append(Phone(phone.key + "$", phone.word) if drawn and not silent else phone)
        drawn = drawn and phone.key[0] not in _VOWELS
    return marked[::-1]


def _words(phones: Sequence[Phone], starts: Sequence[int]) -> dict[int, tuple[int, int]]:
    spans: dict[int, tuple[int, int]] = {}
    for phone, start, end in zip(phones, starts, starts[1:], strict=False):
        if phone.word >= 0:
            spans[phone.word] = (spans.get(phone.word, (start, end))[0], end)
    return spans


def _division(phones: Sequence[Phone], levels: Floats, speed: float) -> NDArray[np.int64]:
    """The step at which each phone begins, by explicit-duration Viterbi."""
    rows = [_row(phone.key) for phone in phones]
    lengths = _length_costs(rows, speed)
    sound = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(_sound_costs(rows, levels), axis=1)], axis=1)
    best = np.full(len(levels) + 1, np.inf)
    best[0] = 0.0
    taken = np.zeros(sound.shape, np.int64)
    for index in range(len(rows)):
        best, taken[index] = _place(best, sound[index], lengths[index])
    return _trace(taken) if np.isfinite(best[-1]) else np.linspace(0, len(levels), len(rows)).astype(np.int64)


def _place(
    best: NDArray[np.float64], sound: NDArray[np.float64], lengths: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    waiting = np.concatenate([np.full(_LONGEST, np.inf), best - sound])
    # Row t holds what ended at t - _LONGEST ... t - 1, so column k stands for a length of _LONGEST - k steps.
    costs = np.lib.stride_tricks.sliding_window_view(waiting, _LONGEST)[: len(best)] + lengths[::-1]
    column = costs.argmin(axis=1)
    return np.take_along_axis(costs, column[:, None], axis=1)[:, 0] + sound, _LONGEST - column


def _trace(taken: NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.empty(len(taken), np.int64)
    end = taken.shape[1] - 1
    for index in range(len(taken) - 1, -1, -1):
        end -= taken[index, end]
        starts[index] = end
    return starts


def _length_costs(rows: Sequence[Floats], speed: float) -> NDArray[np.float64]:
    table = np.stack(rows).astype(np.float64)
    expected, spread = table[:, 0:1] - np.log(speed), table[:, 1:2]
    off: NDArray[np.float64] = (np.log(np.arange(1, _LONGEST + 1)) - expected) / spread
    return 0.5 * off**2 + np.log(spread)


def _sound_costs(rows: Sequence[Floats], levels: Floats) -> NDArray[np.float64]:
    table = np.stack(rows).astype(np.float64)
    mean, spread = table[:, None, 2:8], table[:, None, 8:14]
    return np.asarray((0.5 * ((levels - mean) / spread) ** 2 + np.log(spread)).sum(axis=2))


def _row(key: str) -> Floats:
    table = _table()
    return next((table[known] for known in (key, key.rstrip("$"), key[0]) if known in table), table["ə"])


@cache
def _table() -> dict[str, Floats]:
    text = files(__package__).joinpath("hibari_phones.csv").read_text("utf-8")
    rows = csv.reader(text.splitlines()[1:])
    return {row[0]: np.array(row[1:], np.float32) for row in rows}
