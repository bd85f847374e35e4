"""The buffer in which a carrier keeps what is to be played, and plays it, 20 ms at a time. No socket, no clock."""

from collections import deque
from dataclasses import dataclass

__all__ = ["FRAME_BYTES", "RATE", "Playback"]

RATE = 8_000
FRAME_BYTES = 320
BYTES_PER_MS = 16


@dataclass(slots=True)
class _Mark:
    name: str
    due: int


class Playback:
    """pcm16 at 8 kHz in, frames of the same out. A mark is reached when everything before it has been played."""

    def __init__(self) -> None:
        self._sound = bytearray()
        self._marks: deque[_Mark] = deque()
        self._taken = 0
        self._played = 0

    @property
    def queued_ms(self) -> float:
        """Audio that waits, the frame that is being played not counted."""
        return len(self._sound) / BYTES_PER_MS

    @property
    def played_ms(self) -> float:
        """Audio that was played so far."""
        return self._played / BYTES_PER_MS

    def put(self, pcm: bytes) -> None:
        """Queue `pcm` behind what waits."""
        self._sound += pcm

    def mark(self, name: str) -> None:
        """Queue a mark; with nothing left to play, the next tick reaches it."""
        self._marks.append(_Mark(name, self._taken + len(self._sound)))

    def clear(self) -> list[str]:
        """Drop what waits; returns the marks that were waiting in it, in order."""
        self._sound.clear()
        names = [mark.name for mark in self._marks]
        self._marks.clear()
        return names

    def tick(self) -> tuple[bytes | None, list[str]]:
        """20 ms have passed: the next frame, made up with silence, or None where nothing waits; and the marks that
        the frame before it has reached."""
        self._played = self._taken
        reached = []
        while self._marks and self._marks[0].due <= self._played:
            reached.append(self._marks.popleft().name)
        frame = bytes(self._sound[:FRAME_BYTES])
        if not frame:
            return None, reached
        del self._sound[:FRAME_BYTES]
        self._taken += len(frame)
        return frame.ljust(FRAME_BYTES, b"\0"), reached
