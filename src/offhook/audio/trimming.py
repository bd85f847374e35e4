"""Silence taken off both ends of speech while it is still arriving."""

import numpy as np

from offhook.audio.formats import AudioFormat, Encoding
from offhook.audio.samples import FULL_SCALE, pcm_samples

__all__ = ["SilenceTrimmer"]

_FRAME_MS = 5


class SilenceTrimmer:
    """Passes pcm16 on from `lead_ms` before its first sound to `tail_ms` after its last.

    A sound is 5 ms with an RMS of `threshold_dbfs` or more. Silence beyond `tail_ms` waits for the sound that may
    follow it, so that pauses come out whole.
    """

    def __init__(self, rate: int, *, lead_ms: float = 20, tail_ms: float = 150, threshold_dbfs: float = -50):
        pcm = AudioFormat(Encoding.PCM16, rate)
        self._frame = pcm.bytes_in(_FRAME_MS)
        self._lead, self._tail = pcm.bytes_in(lead_ms), pcm.bytes_in(tail_ms)
        self._floor = FULL_SCALE * 10 ** (threshold_dbfs / 20)
        self._held = b""
        self._begun = False
        self._tail_left = 0

    def feed(self, pcm: bytes) -> bytes:
        """What is sure to stay, given whole samples `pcm` behind all before."""
        self._held += pcm
        loud = self._loud_frames()
        if not loud.size:
            return self._quiet(len(self._held) // self._frame * self._frame)
        end = (int(loud[-1]) + 1) * self._frame
        start = 0 if self._begun else max(0, int(loud[0]) * self._frame - self._lead)
        sound, self._held = self._held[start:end], self._held[end:]
        self._begun, self._tail_left = True, self._tail
        return sound + self._quiet(len(self._held) // self._frame * self._frame)

    def end(self) -> bytes:
        """What stays of the silence at the end. The next sound begins a new speech."""
        rest = self._quiet(len(self._held))
        self._held, self._begun, self._tail_left = b"", False, 0
        return rest

    def _loud_frames(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        samples = pcm_samples(self._held).astype(np.float32)
        size = self._frame // 2
        frames = samples[: samples.size // size * size].reshape(-1, size)
        return np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) >= self._floor)

    def _quiet(self, size: int) -> bytes:
        """Take `size` bytes of silence off what is held, as far as they may go or are never needed."""
        if not self._begun:
            self._held = self._held[max(0, size - self._lead) :]
            return b""
        given = min(size, self._tail_left)
        self._tail_left -= given
        out, self._held = self._held[:given], self._held[given:]
        return out
