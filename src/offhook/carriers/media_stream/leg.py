"""The leg of one media stream: caller audio in any pieces cut into frames, marks matched, clears awaited. No socket."""

import time
from array import array
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

from offhook.audio.formats import Encoding
from offhook.calls.leg import CallControl, CallOrigin, LegEvents
from offhook.carriers.cutter import Cutter
from offhook.carriers.delivery import Delivery
from offhook.carriers.marks import Marks
from offhook.carriers.media_stream.wire import Cleared, Frames, KeyPressed, Media, Played
from offhook.events import EndReason

__all__ = ["ByteOrder", "StreamLeg"]

ByteOrder = Literal["little", "big"]

CLEAR_FORGOTTEN_S = 2.0
"""A clear that was not acknowledged by then never will be."""


class StreamLeg:
    """Implements `offhook.calls.leg.Leg` over messages. `clock` is monotonic, in seconds.

    The format is that of the stream; nothing is to be sent within `settle_ms` of its start. Names of marks are to be
    used once a call: one that comes back after a clear is stale, and dropped. After `close` no events come.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        hang_up: Callable[[EndReason], Awaitable[None]],
        *,
        frames: Frames,
        carrier_call_id: str,
        peer: str,
        origin: CallOrigin,
        control: CallControl | None,
        lead_ms: int,
        clear_ms: int,
        settle_ms: int = 0,
        byte_order: ByteOrder = "little",
        clock: Callable[[], float] = time.monotonic,
    ):
        self.carrier: str = frames.carrier
        self.carrier_call_id = carrier_call_id
        self.peer = peer
        self.origin = origin
        self.format = frames.stream.format
        self.lead_ms = lead_ms
        self._write = write
        self._hang_up = hang_up
        self._frames = frames
        self._control = control
        self._clear_s = clear_ms / 1000
        self._clock = clock
        self._settled_at = clock() + settle_ms / 1000
        self._swaps = byte_order == "big" and self.format.encoding is Encoding.PCM16
        self._cutter = Cutter(self.format)
        self._clears: deque[float] = deque()
        self._marks = Marks()
        self._delivery = Delivery()

    @property
    def control(self) -> CallControl | None:
        """The carrier's hand on the call."""
        return self._control

    @property
    def ready(self) -> bool:
        """False until the line has settled; and from a clear until all that were sent are acknowledged, or `clear_ms`
        have passed since the last."""
        now = self._clock()
        return now >= self._settled_at and (not self._clears or now >= self._clears[-1] + self._clear_s)

    # What the call asks

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._delivery.attach(events)

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame."""
        if self._delivery.is_open:
            self._write(self._frames.audio(_swapped(frame) if self._swaps else frame))

    def mark(self, name: str) -> None:
        """Ask to be told when what was sent so far has been played."""
        if self._delivery.is_open:
            self._marks.ask(name)
            self._write(self._frames.mark(name))

    def clear(self) -> None:
        """Drop what the carrier has not played, and the marks in it."""
        if self._delivery.is_open:
            self._write(self._frames.clear())
            self._marks.clear()
            if self._frames.acknowledges_clear:
                self._await_cleared()

    def _await_cleared(self) -> None:
        # An acknowledgement bears no name, so they are counted: one may answer an earlier clear.
        now = self._clock()
        while self._clears and self._clears[0] <= now - CLEAR_FORGOTTEN_S:
            self._clears.popleft()
        self._clears.append(now)

    async def close(self, reason: EndReason) -> None:
        """End the stream; returns when the connection is gone."""
        self._delivery.close()
        await self._hang_up(reason)

    # What the connection tells

    def take(self, event: Media | KeyPressed | Played | Cleared) -> None:
        """Take what the carrier says while the stream is open."""
        if not self._delivery.is_open:
            return
        match event:
            case Media(payload):
                self._hear(payload)
            case KeyPressed(digit):
                self._delivery.give(digit)
            case Played(name):
                if self._marks.told(name):
                    self._delivery.played(name)
            case Cleared():
                if self._clears:
                    self._clears.popleft()

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        self._delivery.end(reason, detail)

    def _hear(self, payload: bytes) -> None:
        for frame in self._cutter.cut(payload):
            self._delivery.give(_swapped(frame) if self._swaps else frame)


def _swapped(pcm: bytes) -> bytes:
    """16-bit samples in the other order of bytes."""
    samples = array("H", pcm)
    samples.byteswap()
    return samples.tobytes()
