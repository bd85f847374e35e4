"""Speech as ElevenLabs' API hands it out: in the format asked for, in pieces, with the times of its characters."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.audio.convert import encoder
from offhook.audio.formats import AudioFormat, Encoding
from offhook.audio.resample import resample
from offhook.simulator.speech import Speech

__all__ = ["CharTime", "Piece", "named_format", "pieces"]

_ENCODINGS = {"pcm": Encoding.PCM16, "ulaw": Encoding.MULAW, "alaw": Encoding.ALAW}
_RATES = {"pcm": (8_000, 16_000, 24_000, 48_000), "ulaw": (8_000,), "alaw": (8_000,)}


@dataclass(frozen=True, slots=True)
class CharTime:
    """A character and when it sounds, in ms from the beginning of the speech."""

    char: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the audio, which begins at `start_ms`, and the characters that begin in it."""

    audio: bytes
    start_ms: float
    chars: Sequence[CharTime]

    def socket_message(self) -> dict[str, Any]:
        """As sockets send it: whole milliseconds from the beginning of the piece."""
        times = {
            "chars": [time.char for time in self.chars],
            "charStartTimesMs": [round(time.start_ms - self.start_ms) for time in self.chars],
            "charDurationsMs": [round(time.end_ms - time.start_ms) for time in self.chars],
        }
        alignment = times if self.chars else None
        return {"audio": self._base64, "alignment": alignment, "normalizedAlignment": alignment}

    def http_line(self) -> dict[str, Any]:
        """As an answer with timestamps has it: seconds from the beginning of the speech."""
        times = {
            "characters": [time.char for time in self.chars],
            "character_start_times_seconds": [round(time.start_ms / 1000, 3) for time in self.chars],
            "character_end_times_seconds": [round(time.end_ms / 1000, 3) for time in self.chars],
        }
        alignment: Mapping[str, Any] | None = times if self.chars else None
        return {"audio_base64": self._base64, "alignment": alignment, "normalized_alignment": alignment}

    @property
    def _base64(self) -> str:
        return base64.b64encode(self.audio).decode()


def named_format(name: str) -> AudioFormat | None:
    """The format that the API calls "ulaw_8000" and the like; None for one that this double does not speak."""
    kind, _, rate = name.partition("_")
    if not rate.isdecimal() or int(rate) not in _RATES.get(kind, ()):
        return None
    return AudioFormat(_ENCODINGS[kind], int(rate))


def pieces(speech: Speech, audio_format: AudioFormat, piece_ms: int) -> Iterator[Piece]:
    """`speech` in pieces of `piece_ms`."""
    pcm = resample(speech.samples.tobytes(), speech.rate, audio_format.rate)
    audio = encoder(audio_format.encoding)(pcm)
    chars = list(_char_times(speech))
    size = audio_format.bytes_in(piece_ms)
    for start in range(0, len(audio), size):
        begin_ms, end_ms = audio_format.ms_in(start), audio_format.ms_in(start + size)
        last = start + size >= len(audio)
        inside = [char for char in chars if begin_ms <= char.start_ms and (last or char.start_ms < end_ms)]
        yield Piece(audio[start : start + size], begin_ms, inside)


def _char_times(speech: Speech) -> Iterator[CharTime]:
    """Every character of the text; those of a word share its time, and what stands between words the gap."""
    at, at_ms = 0, 0.0
    for word in speech.words:
        yield from _shared(speech.text[at : word.start], at_ms, word.start_ms)
        yield from _shared(speech.text[word.start : word.end], word.start_ms, word.end_ms)
        at, at_ms = word.end, word.end_ms
    yield from _shared(speech.text[at:], at_ms, at_ms)


def _shared(text: str, start_ms: float, end_ms: float) -> Iterator[CharTime]:
    step = (end_ms - start_ms) / max(1, len(text))
    for index, char in enumerate(text):
        yield CharTime(char, start_ms + index * step, start_ms + (index + 1) * step)
