"""What the bytes of a frame mean: encoding and sample rate, always mono, always in frames of 20 ms."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from offhook.errors import AudioError

__all__ = ["ALAW_8K", "FRAME_MS", "MULAW_8K", "PCM_8K", "PCM_16K", "PCM_24K", "AudioFormat", "Encoding"]

FRAME_MS = 20


class Encoding(StrEnum):
    """How one sample is written. `pcm16` is signed 16-bit little-endian; the laws are ITU-T G.711."""

    PCM16 = "pcm16"
    MULAW = "mulaw"
    ALAW = "alaw"


@dataclass(frozen=True)
class AudioFormat:
    """One mono audio format. `rate` is in Hz and must give whole samples in 20 ms."""

    encoding: Encoding
    rate: int

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.rate * FRAME_MS % 1000:
            raise AudioError(f"{self.rate} Hz does not give whole samples in {FRAME_MS} ms")

    def __str__(self) -> str:
        return f"{self.encoding} {self.rate} Hz"

    @cached_property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return 2 if self.encoding is Encoding.PCM16 else 1

    @cached_property
    def frame_samples(self) -> int:
        """Samples in one 20 ms frame."""
        return self.rate * FRAME_MS // 1000

    @cached_property
    def frame_bytes(self) -> int:
        """Bytes of one 20 ms frame."""
        return self.frame_samples * self.sample_bytes

    @cached_property
    def silence(self) -> bytes:
        """One 20 ms frame of silence."""
        zero = {Encoding.PCM16: b"\x00\x00", Encoding.MULAW: b"\xff", Encoding.ALAW: b"\xd5"}[self.encoding]
        return zero * self.frame_samples

    def bytes_in(self, ms: float) -> int:
        """Bytes of `ms` milliseconds, cut to whole samples."""
        return int(ms * self.rate / 1000) * self.sample_bytes

    def ms_in(self, size: int) -> float:
        """Milliseconds that `size` bytes last."""
        return size / self.sample_bytes * 1000 / self.rate


PCM_8K = AudioFormat(Encoding.PCM16, 8_000)
PCM_16K = AudioFormat(Encoding.PCM16, 16_000)
PCM_24K = AudioFormat(Encoding.PCM16, 24_000)
MULAW_8K = AudioFormat(Encoding.MULAW, 8_000)
ALAW_8K = AudioFormat(Encoding.ALAW, 8_000)
