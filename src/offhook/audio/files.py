"""WAV files: a writer whose file can be read at any moment, and a reader that takes files as they are found.

The layout is that of Microsoft's and IBM's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF
WAVE) and of WAVEFORMATEXTENSIBLE. Everything here blocks on the disk: call it from a worker thread.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from offhook.audio.g711 import alaw_decode, mulaw_decode
from offhook.audio.samples import pcm_from_float
from offhook.errors import AudioError

__all__ = ["Wav", "WavWriter", "parse_wav", "read_wav", "write_wav"]

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT = struct.Struct("<HHIIHH")
_CHUNK = struct.Struct("<4sI")
_MOST_BYTES = 0xFFFFFFFF - _HEADER.size


class Wav(NamedTuple):
    """A WAV file in memory: `rate` in Hz, `samples` of shape (n, channels)."""

    rate: int
    channels: int
    samples: NDArray[np.int16]


def _header(rate: int, channels: int, size: int) -> bytes:
    block = 2 * channels
    riff = (b"RIFF", _HEADER.size - 8 + size, b"WAVE")
    described = (b"fmt ", _FORMAT.size, _PCM, channels, rate, rate * block, block, 16)
    return _HEADER.pack(*riff, *described, b"data", size)


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    """Write int16 `samples` of shape (n,) or (n, channels) as one file. Raises OSError."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    content = samples.astype("<i2").tobytes()
    path.write_bytes(_header(rate, channels, len(content)) + content)


class WavWriter:
    """Writes pcm16 to a WAV file as it comes. The file is whole at any moment, even if the process is killed.

    Audio is handed to the system at once and counted in the header after at most `update_ms` of it, at `flush` and
    at `close`. Until then the header understates what is there: any reader finds a valid, shorter file, and
    `read_wav` finds all of it. A loss of power may lose what the system had not yet written.

    Every method may raise OSError. The file stays whole after one, and writing may go on where it failed.
    """

    def __init__(self, path: Path, rate: int, channels: int = 1, *, update_ms: int = 1000):
        self._rate = rate
        self._channels = channels
        self._update_bytes = update_ms * rate // 1000 * 2 * channels
        self._size = 0
        self._counted = 0
        self._file = path.open("wb", buffering=0)
        try:
            self.flush()
        except OSError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """How much audio was written."""
        return self._size / (2 * self._channels * self._rate)

    def write(self, *tracks: bytes) -> None:
        """Append mono pcm16, one equally long track a channel. AudioError: other tracks, or more than 4 GB."""
        if len(tracks) != self._channels or len({len(track) for track in tracks}) != 1 or len(tracks[0]) % 2:
            sizes = ", ".join(str(len(track)) for track in tracks)
            raise AudioError(f"{self._channels} equally long tracks of 16-bit samples are needed, not of {sizes} bytes")
        block = tracks[0] if self._channels == 1 else _interleaved(tracks)
        if self._size + len(block) > _MOST_BYTES:
            raise AudioError("a WAV file cannot hold more than 4 GB")
        self._put(_HEADER.size + self._size, block)
        self._size += len(block)
        if self._size - self._counted >= self._update_bytes:
            self.flush()

    def flush(self) -> None:
        """Count in the header all that was written."""
        self._put(0, _header(self._rate, self._channels, self._size))
        self._counted = self._size

    def close(self) -> None:
        """Finish the file. May be repeated."""
        if self._file.closed:
            return
        try:
            self.flush()
        finally:
            self._file.close()

    def _put(self, position: int, content: bytes) -> None:
        self._file.seek(position)
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]


def _interleaved(tracks: tuple[bytes, ...]) -> bytes:
    return np.stack([np.frombuffer(track, "<i2") for track in tracks], axis=1).tobytes()


def read_wav(path: Path) -> Wav:
    """Read a whole file as int16; see `parse_wav`. Raises OSError, and AudioError with the path in its text."""
    try:
        return parse_wav(path.read_bytes())
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from error


def parse_wav(content: bytes) -> Wav:
    """The audio of a WAV file's bytes as int16.

    Takes PCM of 8, 16, 24 and 32 bits (the upper 16 are kept), float of 32 and 64 bits (saturated), both G.711 laws,
    and the extensible header. Data whose size is unknown, overstated or understated, as in a stream or in a file cut
    short, lasts to the end of the content. Raises AudioError for anything else.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioError("not a WAV file: it does not begin with RIFF and WAVE")
    layout = None
    for name, start, size in _chunks(content):
        if name == b"fmt ":
            layout = _layout(content[start : start + size])
        elif name == b"data" and layout is None:
            raise AudioError("not a WAV file: its data comes before its format")
        elif name == b"data" and layout is not None:
            return layout.decode(content[start : _data_end(content, start, size)])
    raise AudioError("a WAV file without data")


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and declared size of each chunk."""
    position = 12
    while position + _CHUNK.size <= len(content):
        name, size = _CHUNK.unpack_from(content, position)
        yield name, position + _CHUNK.size, size
        position += _CHUNK.size + size + size % 2


def _data_end(content: bytes, start: int, size: int) -> int:
    """Where the data ends: where it says, if that is the end or nothing but whole chunks follows; else at the end."""
    end = start + size
    if end >= len(content):
        return len(content)
    return end if _holds_chunks(content, end + size % 2) else len(content)


def _holds_chunks(content: bytes, position: int) -> bool:
    while position + _CHUNK.size <= len(content):
        name, size = _CHUNK.unpack_from(content, position)
        if not (name.isascii() and name.decode().isprintable()):
            return False
        position += _CHUNK.size + size + size % 2
    # A last chunk of odd size may lack its padding byte.
    return position in {len(content), len(content) + 1}


class _Layout(NamedTuple):
    """What a format chunk says."""

    rate: int
    channels: int
    sample_bytes: int
    to_int16: Callable[[bytes], NDArray[np.int16]]

    def decode(self, data: bytes) -> Wav:
        whole = len(data) - len(data) % (self.sample_bytes * self.channels)
        return Wav(self.rate, self.channels, self.to_int16(data[:whole]).reshape(-1, self.channels))


def _layout(chunk: bytes) -> _Layout:
    if len(chunk) < _FORMAT.size:
        raise AudioError(f"a WAV format of {len(chunk)} bytes, where {_FORMAT.size} are needed")
    code, channels, rate, _, block, bits = _FORMAT.unpack_from(chunk)
    if code == _EXTENSIBLE and chunk[26:40] == _GUID_TAIL:
        code = int.from_bytes(chunk[24:26], "little")
    if (code, bits) not in _DECODERS:
        raise AudioError(f"WAV format {code:#06x} of {bits} bits is not one this reads")
    if not channels or not rate or block != channels * bits // 8:
        raise AudioError(f"a WAV format that cannot be: {channels} channels, {rate} Hz, {block} bytes a block")
    return _Layout(rate, channels, bits // 8, _DECODERS[code, bits])


def _from_8_bits(data: bytes) -> NDArray[np.int16]:
    centred = np.frombuffer(data, np.uint8).astype(np.int16) - np.int16(128)
    return centred * np.int16(256)


def _from_16_bits(data: bytes) -> NDArray[np.int16]:
    return np.frombuffer(data, "<i2").astype(np.int16)


def _from_24_bits(data: bytes) -> NDArray[np.int16]:
    upper = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:]
    return _from_16_bits(upper.tobytes())


def _from_32_bits(data: bytes) -> NDArray[np.int16]:
    return _from_16_bits(np.frombuffer(data, "<i2")[1::2].tobytes())


def _from_float(dtype: str) -> Callable[[bytes], NDArray[np.int16]]:
    def decode(data: bytes) -> NDArray[np.int16]:
        values = np.clip(np.nan_to_num(np.frombuffer(data, dtype)), -1, 1)
        return _from_16_bits(pcm_from_float(values))

    return decode


_DECODERS: dict[tuple[int, int], Callable[[bytes], NDArray[np.int16]]] = {
    (_PCM, 8): _from_8_bits,
    (_PCM, 16): _from_16_bits,
    (_PCM, 24): _from_24_bits,
    (_PCM, 32): _from_32_bits,
    (_FLOAT, 32): _from_float("<f4"),
    (_FLOAT, 64): _from_float("<f8"),
    (_ALAW, 8): lambda data: _from_16_bits(alaw_decode(data)),
    (_MULAW, 8): lambda data: _from_16_bits(mulaw_decode(data)),
}
