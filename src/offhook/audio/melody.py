"""Music for callers on hold: a tune of our own, made by arithmetic, or whatever is in a WAV file."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from offhook.audio.convert import converter
from offhook.audio.files import Wav
from offhook.audio.formats import PCM_16K, AudioFormat, Encoding
from offhook.audio.samples import pcm_bytes, pcm_from_float
from offhook.errors import AudioError

__all__ = ["Melody", "melody_of", "own_tune"]

_BEAT_S = 0.34
_BARS = ((48, 55, 64, 67), (45, 52, 60, 64), (41, 53, 57, 60), (43, 50, 59, 62))
"""Four chords in the numbers of MIDI's keys: C, A minor, F and G."""
_PATTERN = (0, 2, 3, 1, 3, 2, 3, 1)
_PARTIALS = ((1, 1.0), (2, 0.28), (3, 0.08))
_RINGS_S = 1.6
_DBFS = -30.0
_FADE_IN_S = 0.012


@dataclass(frozen=True)
class Melody:
    """Sound that is played again and again: whole frames in `format`, which is pcm16."""

    format: AudioFormat
    sound: bytes

    def second_at(self, position: int) -> tuple[bytes, int]:
        """A second of it from byte `position` of `sound`, over its end to its beginning, and where that stops."""
        size = self.format.bytes_in(1000)
        taken = bytearray(self.sound[position : position + size])
        while len(taken) < size:
            taken += self.sound[: size - len(taken)]
        return bytes(taken), (position + size) % len(self.sound)


def melody_of(wav: Wav) -> Melody:
    """The music of a file, its channels mixed. Raises AudioError for a rate that cannot be played, and for less than a
    frame."""
    audio_format = AudioFormat(Encoding.PCM16, wav.rate)
    converter(audio_format, PCM_16K)
    sound = pcm_bytes(wav.samples.astype(np.float32).mean(axis=1))
    whole = len(sound) - len(sound) % audio_format.frame_bytes
    if not whole:
        raise AudioError("there is less than a frame of sound")
    return Melody(audio_format, sound[:whole])


@cache
def own_tune() -> Melody:
    """Broken chords, soft and slow, which end where they begin."""
    rate = PCM_16K.rate
    beat = round(_BEAT_S * rate / PCM_16K.frame_samples) * PCM_16K.frame_samples
    keys = [bar[step] for bar in _BARS for step in _PATTERN]
    tune = np.zeros(beat * len(keys))
    for index, key in enumerate(keys):
        note = _note(440.0 * 2 ** ((key - 69) / 12), rate)
        # What still rings at the end is heard at the beginning.
        np.add.at(tune, (np.arange(note.size) + index * beat) % tune.size, note)
    level = np.sqrt(np.mean(np.square(tune)))
    return Melody(PCM_16K, pcm_from_float(tune * (10 ** (_DBFS / 20) / level)))


def _note(frequency: float, rate: int) -> NDArray[np.float64]:
    instants = np.arange(round(_RINGS_S * rate)) / rate
    waves = [share * np.sin(2 * np.pi * frequency * times * instants) for times, share in _PARTIALS]
    rising = np.minimum(1.0, instants / _FADE_IN_S)
    falling = np.exp(-instants / 0.45) * np.minimum(1.0, (_RINGS_S - instants) / 0.1)
    note: NDArray[np.float64] = np.sum(waves, axis=0) * rising * falling
    return note
