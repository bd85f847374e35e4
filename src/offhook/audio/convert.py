"""From one audio format to another, chosen once per call."""

from collections.abc import Callable

from offhook.audio.formats import AudioFormat, Encoding
from offhook.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from offhook.audio.resample import Resampler

__all__ = ["Converter", "converter", "decoder", "encoder"]

Converter = Callable[[bytes], bytes]


def _same(frames: bytes) -> bytes:
    return frames


def decoder(encoding: Encoding) -> Converter:
    """The function that turns `encoding` into pcm16 of the same rate."""
    return {Encoding.PCM16: _same, Encoding.MULAW: mulaw_decode, Encoding.ALAW: alaw_decode}[encoding]


def encoder(encoding: Encoding) -> Converter:
    """The function that turns pcm16 into `encoding` of the same rate."""
    return {Encoding.PCM16: _same, Encoding.MULAW: mulaw_encode, Encoding.ALAW: alaw_encode}[encoding]


def _translator(src: Encoding, dst: Encoding) -> Converter:
    """From law to law, a byte for a byte."""
    table = encoder(dst)(decoder(src)(bytes(range(256))))
    return lambda codes: codes.translate(table)


def _then(first: Converter, second: Converter) -> Converter:
    if first is _same:
        return second
    if second is _same:
        return first
    return lambda frames: second(first(frames))


def converter(src: AudioFormat, dst: AudioFormat) -> Converter:
    """A function from whole 20 ms frames in `src` to as many in `dst`, with a state of its own where rates differ.

    Equal formats give back the very object that went in. Where rates differ, the function raises AudioError for
    bytes that are not whole frames.
    """
    if src == dst:
        return _same
    if src.rate == dst.rate and Encoding.PCM16 not in {src.encoding, dst.encoding}:
        return _translator(src.encoding, dst.encoding)
    change_rate = _same if src.rate == dst.rate else Resampler(src.rate, dst.rate).process
    return _then(_then(decoder(src.encoding), change_rate), encoder(dst.encoding))
