"""The caller's audio, kept as long as it may have to be transcribed."""

from collections.abc import Iterator

from offhook.audio.formats import FRAME_MS, AudioFormat

__all__ = ["KeptAudio"]

_LONGEST_MS = 120_000
_TAIL_MS = 120


class KeptAudio:
    """The last frames of one call. Times are ms of the caller's audio; `padding_ms` is wanted from before a voice."""

    def __init__(self, format: AudioFormat, *, padding_ms: int):  # noqa: A002
        self.format = format
        self._padding_ms = padding_ms
        self._audio = bytearray()
        self._first_ms = 0

    @property
    def now_ms(self) -> int:
        """Where the next frame begins."""
        return self._first_ms + int(self.format.ms_in(len(self._audio)))

    def hear(self, frame: bytes, *, keep_from_ms: int | None = None) -> None:
        """Add one 20 ms frame. What lies before `keep_from_ms` (before now, if not given) is soon let go."""
        self._audio += frame
        now_ms = self.now_ms
        keep_ms = max(now_ms if keep_from_ms is None else keep_from_ms, 0) - self._padding_ms - 1_000
        keep_ms = max(keep_ms, now_ms - _LONGEST_MS)
        if keep_ms - self._first_ms >= 1_000:
            self._drop_before(keep_ms)

    def _drop_before(self, ms: int) -> None:
        frames = (ms - self._first_ms) // FRAME_MS
        del self._audio[: frames * self.format.frame_bytes]
        self._first_ms += frames * FRAME_MS

    def between(self, onset_ms: int, end_ms: int) -> bytes:
        """Whole frames from `onset_ms`, with the padding before it, to shortly after `end_ms`."""
        first = self._frame_before(onset_ms)
        last = max(first, (end_ms + _TAIL_MS - self._first_ms) // FRAME_MS)
        size = self.format.frame_bytes
        return bytes(self._audio[first * size : last * size])

    def since(self, onset_ms: int) -> tuple[int, Iterator[bytes]]:
        """All frames from `onset_ms`, with the padding before it, and where the first of them begins."""
        first = self._frame_before(onset_ms)
        size = self.format.frame_bytes
        frames = (bytes(self._audio[at : at + size]) for at in range(first * size, len(self._audio), size))
        return self._first_ms + first * FRAME_MS, frames

    def _frame_before(self, onset_ms: int) -> int:
        return max(0, (onset_ms - self._padding_ms - self._first_ms) // FRAME_MS)
