"""A caller who talks with an agent through a carrier's double, and notes when what happened."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, repeat

from offhook.simulator.bench.instant import LINE, STORY, Hearing, Trail
from offhook.simulator.bench.slot_clock import SlotClock
from offhook.simulator.clips import Clip
from offhook.simulator.clouds.media_stream import CloudCall, MediaStream
from offhook.simulator.clouds.media_stream.playback import FRAME_BYTES
from offhook.simulator.sound import Pcm

__all__ = ["Interruption", "Line", "Talker", "Turn"]

SILENCE = bytes(FRAME_BYTES)
FRAME_SAMPLES = FRAME_BYTES // 2
QUIET_FRAMES = 10
LISTEN_FRAMES = 30
PATIENCE_FRAMES = 250

Frames = Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, in seconds of time.monotonic(): the caller's last audible frame was sent, and the first audio of the
    answer came."""

    ended: float
    answered: float
    trail: Trail


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption, in the same seconds: the first audible frame was sent, and the command to clear came."""

    began: float
    cleared: float


@dataclass(frozen=True, slots=True)
class Line:
    """What callers say, as frames of 20 ms, and which of them are the first and the last audible ones."""

    frames: tuple[bytes, ...]
    first: int
    last: int

    @classmethod
    def of(cls, clip: Clip) -> "Line":
        """That of a clip at 8 kHz."""
        return cls(_cut(clip.pcm), clip.onset // FRAME_SAMPLES, (clip.end - 1) // FRAME_SAMPLES)


def _cut(pcm: Pcm) -> tuple[bytes, ...]:
    data = pcm.astype("<i2").tobytes()
    return tuple(data[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(data), FRAME_BYTES))


class Talker:
    """Speaks a frame whenever the clock says so; what it does next is a matter of frames alone.

    `missed` counts the answers and the clear commands that it waited 5 s for in vain.
    """

    def __init__(
        self,
        call: CloudCall,
        stream: MediaStream,
        lines: Sequence[Line],
        clock: SlotClock,
        now: Callable[[], float] = time.monotonic,
    ):
        self.call = call
        self.hearing: Hearing | None = None
        self.turns: list[Turn] = []
        self.interruptions: list[Interruption] = []
        self.missed = 0
        self._stream = stream
        self._lines = cycle(lines)
        self._clock = clock
        self._now = now
        self._script: Frames = iter(())
        self._done = asyncio.Event()
        self._hung_up = False
        self._first = self._last = 0.0

    @property
    def first_audio(self) -> float:
        """When the first audio of the agent came, in seconds of time.monotonic()."""
        return self._at(self._stream.queued[0].at_ms)

    @property
    def fault(self) -> str:
        """Why the call was no good, if it was not."""
        if self.call.violations:
            return f"the carrier would have refused: {self.call.violations[0]}"
        return "" if self._hung_up or not self.call.ended.is_set() else "the server hung up"

    async def send(self) -> None:
        """Speak the next 20 ms."""
        frame = next(self._script, None)
        if frame is None:
            self._done.set()
        self.call.phone.speak(frame or SILENCE)

    async def talk(self, turns: int, *, after: int = 0) -> None:
        """Take so many turns, each when the agent has been silent for a moment; begin after so many frames."""
        await self._perform(chain(repeat(SILENCE, after), self._turns(turns)))

    async def interrupt(self, times: int, *, after: int = 0) -> None:
        """Ask for a story and interrupt it, and the next one, and so on; begin after so many frames."""
        await self._perform(chain(repeat(SILENCE, after), self._interruptions(times)))

    async def hang_up(self) -> None:
        """End the call."""
        self._hung_up = self._hung_up or not self.call.ended.is_set()
        self._clock.remove(self)
        await self.call.hang_up()

    async def _perform(self, script: Frames) -> None:
        self._done.clear()
        self._script = script
        over = asyncio.ensure_future(self.call.ended.wait())
        done = asyncio.ensure_future(self._done.wait())
        try:
            await asyncio.wait([over, done], return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            done.cancel()

    # What is said, frame by frame

    def _turns(self, count: int) -> Frames:
        hearing = self._heard_as(LINE)
        for _ in range(count):
            yield from self._until_quiet()
            hearing.trail, before = Trail(), len(self._stream.queued)
            yield from self._say()
            yield from self._until(lambda before=before: len(self._stream.queued) > before)  # type: ignore[misc]
            if len(self._stream.queued) > before:
                self.turns.append(Turn(self._last, self._at(self._stream.queued[before].at_ms), replace(hearing.trail)))

    def _interruptions(self, count: int) -> Frames:
        self._heard_as(STORY)
        yield from self._until_quiet()
        yield from self._say()
        for _ in range(count):
            before = len(self._stream.queued)
            yield from self._until(lambda before=before: len(self._stream.queued) > before)  # type: ignore[misc]
            yield from repeat(SILENCE, LISTEN_FRAMES)
            self._clock.shift(self)
            clears = len(self._stream.clears)
            yield from self._say()
            if len(self._stream.clears) > clears:
                self.interruptions.append(Interruption(self._first, self._at(self._stream.clears[clears].at_ms)))
            else:
                self.missed += 1

    def _heard_as(self, line: str) -> Hearing:
        if self.hearing is None:
            raise ValueError("the recogniser does not hear this call")
        self.hearing.line = line
        return self.hearing

    def _say(self) -> Frames:
        line = next(self._lines)
        for number, frame in enumerate(line.frames):
            if number == line.first:
                self._first = self._now()
            if number == line.last:
                self._last = self._now()
            yield frame

    def _until(self, happened: Callable[[], bool]) -> Frames:
        for _ in range(PATIENCE_FRAMES):
            if happened():
                return
            yield SILENCE
        self.missed += 1

    def _until_quiet(self) -> Frames:
        """Until the agent has said all, and a moment more."""
        self._clock.shift(self)
        quiet, queued = 0, len(self._stream.queued)
        while quiet < QUIET_FRAMES:
            yield SILENCE
            still = not self._stream.queued_ms and len(self._stream.queued) == queued
            quiet, queued = (quiet + 1 if still else 0), len(self._stream.queued)

    def _at(self, stream_ms: float) -> float:
        # The double counts milliseconds from the start of its stream.
        return self._now() - (self._stream.now_ms - stream_ms) / 1000
