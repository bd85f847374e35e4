"""Stereo recordings, streamed to disk while the call goes on: caller left, agent right as heard."""

import errno
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from offhook.audio.convert import decoder
from offhook.audio.files import WavWriter
from offhook.audio.formats import AudioFormat

__all__ = ["Recorder"]

_FRAMES_A_WRITE = 50
_JITTER_FRAMES = 50
_MOST_WAITING = 30


class Recorder:
    """Writes one call to one WAV file in a worker thread, about once a second.

    A file that can no longer be written is given up: `on_trouble` is told once, perhaps from the worker, and the call
    goes on.
    """

    def __init__(
        self,
        path: Path,
        format: AudioFormat,  # noqa: A002
        *,
        worker: Executor,
        on_trouble: Callable[[OSError], None],
    ):
        self.path = path
        self._silence = format.silence
        self._pcm = decoder(format.encoding)
        self._rate = format.rate
        self._worker = worker
        self._on_trouble = on_trouble
        self._caller: deque[bytes] = deque()
        self._left: list[bytes] = []
        self._right: list[bytes] = []
        self._file: WavWriter | None = None
        self._broken = False
        self._waiting = 0
        self.dropped = 0

    def hear(self, frame: bytes) -> None:
        """A frame of the caller arrived; it is written at the next beat."""
        if len(self._caller) >= _JITTER_FRAMES:
            self._caller.popleft()
            self.dropped += 1
        self._caller.append(frame)

    def tick(self, agent: bytes) -> None:
        """One beat: write what the agent said in it beside what the caller did."""
        self._left.append(self._caller.popleft() if self._caller else self._silence)
        self._right.append(agent)
        if len(self._left) >= _FRAMES_A_WRITE:
            self._hand_over()

    def close(self) -> None:
        """Write the rest and finish the file."""
        self._hand_over()
        self._worker.submit(self._finish)

    def _hand_over(self) -> None:
        left, right = b"".join(self._left), b"".join(self._right)
        self._left.clear()
        self._right.clear()
        if not left or self._broken:
            return
        if self._waiting >= _MOST_WAITING:
            self._give_up(TimeoutError(errno.ETIMEDOUT, f"the disk has been silent for {self._waiting} seconds"))
            return
        self._waiting += 1
        self._worker.submit(self._write, left, right)

    def _give_up(self, error: OSError) -> None:
        self._broken = True
        self._on_trouble(error)

    def _write(self, left: bytes, right: bytes) -> None:
        self._waiting -= 1
        if self._broken:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = WavWriter(self.path, self._rate, channels=2)
            self._file.write(self._pcm(left), self._pcm(right))
        except OSError as error:
            self._give_up(error)

    def _finish(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            if not self._broken:
                self._on_trouble(error)
