"""Audio between the line, which is pcm16 at 8 kHz, and the formats of a stream."""

from offhook.audio.convert import Converter, converter
from offhook.audio.formats import PCM_8K, AudioFormat, Encoding
from offhook.simulator.clouds.media_stream.dialects import L16, MULAW
from offhook.simulator.clouds.media_stream.wire import Sound

__all__ = ["Intake", "Outlet"]

_ENCODINGS = {MULAW: Encoding.MULAW, L16: Encoding.PCM16}


def _swapped(data: bytes) -> bytes:
    swapped = bytearray(data)
    swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
    return bytes(swapped)


class Outlet:
    """Frames of the line in the format that a stream asked for, as in "audio/x-mulaw;rate=8000"."""

    def __init__(self, content_type: str, *, big_endian: bool = False):
        encoding, _, rate = content_type.partition(";rate=")
        self._convert = converter(PCM_8K, AudioFormat(_ENCODINGS[encoding], int(rate)))
        self._swap = big_endian and encoding == L16

    def give(self, pcm: bytes) -> bytes:
        """20 ms of the line."""
        data = self._convert(pcm)
        return _swapped(data) if self._swap else data


class Intake:
    """What a server sends, in pieces of any size and in formats that may change, as sound of the line."""

    def __init__(self, *, big_endian: bool = False):
        self._big_endian = big_endian
        self._format: AudioFormat | None = None
        self._convert: Converter = bytes
        self._rest = b""

    def take(self, sound: Sound) -> bytes:
        """What can be played of it now: at other rates than the line's, whole frames."""
        before = self._switch(AudioFormat(_ENCODINGS[sound.encoding], sound.rate))
        data = _swapped(sound.data) if self._big_endian and sound.encoding == L16 else sound.data
        if sound.rate == PCM_8K.rate:
            return before + self._convert(data)
        data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        return before + self._convert(data[:whole])

    def flush(self) -> bytes:
        """The rest, made up to a frame with silence."""
        if not self._rest:
            return b""
        rest, self._rest = self._rest, b""
        return self._convert(rest.ljust(self._frame_bytes, b"\0"))

    def drop(self) -> None:
        """Forget the rest."""
        self._rest = b""

    @property
    def _frame_bytes(self) -> int:
        return self._format.frame_bytes if self._format else 1

    def _switch(self, wanted: AudioFormat) -> bytes:
        if wanted == self._format:
            return b""
        before = self.flush()
        self._format, self._convert = wanted, converter(wanted, PCM_8K)
        return before
