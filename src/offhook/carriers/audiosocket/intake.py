"""Caller audio as Asterisk sends it, at any rate and in packets of any length, cut into the frames of a leg."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from offhook.audio.formats import MULAW_8K, PCM_8K, AudioFormat, Encoding
from offhook.carriers.audiosocket.wire import RATE_OF_KIND, Audio, Kind

__all__ = ["ConverterFactory", "Intake", "source_format"]

ConverterFactory = Callable[[AudioFormat, AudioFormat], Callable[[bytes], bytes]]
"""Makes a function from whole 20 ms frames in one format to as many in another."""


def source_format(audio: Audio, converter: ConverterFactory) -> AudioFormat:
    """What the payload of `audio` really is.

    The channel driver without `c()` sends the mu-law of the caller under the kind of linear audio: 160 bytes are then
    20 ms. They may also be 10 ms of linear audio. Read in the wrong one of the two ways, bytes are loud white noise,
    so the calmer reading is the right one.
    """
    if audio.kind is Kind.AUDIO_8K and len(audio.payload) < PCM_8K.frame_bytes:
        decoded = converter(MULAW_8K, PCM_8K)(_whole_frame(audio.payload))
        if _unrest(decoded) <= _unrest(audio.payload):
            return MULAW_8K
    return AudioFormat(Encoding.PCM16, RATE_OF_KIND[audio.kind])


def _whole_frame(codes: bytes) -> bytes:
    """20 ms of mu-law, of the same level as `codes`, which may be fewer or more."""
    repeats = math.ceil(MULAW_8K.frame_bytes / len(codes))
    return (codes * repeats)[: MULAW_8K.frame_bytes]


def _unrest(pcm: bytes) -> float:
    """How far samples lie from the ones before them, from silence on: the mean of the squares."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return float(np.mean(np.diff(samples, prepend=0.0) ** 2))


class Intake:
    """Cuts the audio of one call into exact 20 ms frames in `format`, converting from whatever comes."""

    def __init__(self, format: AudioFormat, converter: ConverterFactory):  # noqa: A002
        self._frame_bytes = format.frame_bytes
        self._format = format
        self._converter = converter
        self._kind: Kind | None = None
        self._source_frame_bytes = 0
        self._convert: Callable[[bytes], bytes] = bytes
        self._held = bytearray()

    def frames(self, audio: Audio) -> Sequence[bytes]:
        """The frames that `audio` completes."""
        if audio.kind is not self._kind:
            self._follow(audio)
        if len(audio.payload) == self._source_frame_bytes and not self._held:
            return (self._convert(audio.payload),)
        return self._recut(audio.payload)

    def _follow(self, audio: Audio) -> None:
        """Turn to audio of another kind. A rest of the old one, less than a frame, is dropped."""
        source = source_format(audio, self._converter)
        self._kind = audio.kind
        self._source_frame_bytes = source.frame_bytes
        self._convert = self._converter(source, self._format)
        self._held.clear()

    def _recut(self, payload: bytes) -> Sequence[bytes]:
        self._held += payload
        whole = len(self._held) // self._source_frame_bytes * self._source_frame_bytes
        if not whole:
            return ()
        converted = self._convert(bytes(self._held[:whole]))
        del self._held[:whole]
        return [converted[at : at + self._frame_bytes] for at in range(0, len(converted), self._frame_bytes)]
