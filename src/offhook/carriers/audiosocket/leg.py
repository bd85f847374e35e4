"""The leg of one AudioSocket call: frames to and from Asterisk, which plays at once what it gets."""

from collections import deque
from collections.abc import Awaitable, Callable
from uuid import UUID

from offhook.audio.formats import AudioFormat
from offhook.calls.leg import CallOrigin, LegEvents
from offhook.carriers.audiosocket.intake import ConverterFactory, Intake
from offhook.carriers.audiosocket.wire import KIND_OF_RATE, Audio, audio_header
from offhook.events import EndReason

__all__ = ["AudioSocketLeg"]

MAX_EARLY = 100
"""Frames and digits kept for a call that has not attached yet: 2 s of audio."""


class AudioSocketLeg:
    """Implements `offhook.calls.leg.Leg`. Its format is pcm16 at one of the rates of the wire.

    On the wire a hangup and a hand-back are one: Asterisk goes on with the dialplan after either. After `close` no
    events come.
    """

    carrier = "audiosocket"
    lead_ms = 0
    origin = CallOrigin()
    control = None
    ready = True

    def __init__(
        self,
        write: Callable[[bytes], None],
        hang_up: Callable[[EndReason], Awaitable[None]],
        *,
        call_id: UUID,
        peer: str,
        audio_format: AudioFormat,
        converter: ConverterFactory,
    ):
        self.carrier_call_id = str(call_id)
        self.peer = peer
        self.format = audio_format
        self._write = write
        self._hang_up = hang_up
        self._header = audio_header(KIND_OF_RATE[audio_format.rate], audio_format.frame_bytes)
        self._intake = Intake(audio_format, converter)
        self._events: LegEvents | None = None
        self._early: deque[bytes | str] = deque(maxlen=MAX_EARLY)
        self._end: tuple[EndReason, str] | None = None
        self._open = True

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._events = events
        while self._early:
            self._deliver(self._early.popleft())
        if self._end is not None:
            events.on_closed(*self._end)

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame. Header and frame are one write, for Asterisk hangs up on a gap between them."""
        if self._open:
            self._write(self._header + frame)

    def mark(self, name: str) -> None:
        """Nothing: what was sent is heard."""

    def clear(self) -> None:
        """Nothing: Asterisk has played what it got."""

    async def close(self, reason: EndReason) -> None:
        """End the call in the way that lets the dialplan go on; returns when the connection is gone."""
        self._open = False
        self._early.clear()
        await self._hang_up(reason)

    def hear(self, audio: Audio) -> None:
        """Take caller audio from the wire."""
        for frame in self._intake.frames(audio):
            if self._open:
                self._deliver(frame)

    def press(self, digit: str) -> None:
        """Take a key that the caller pressed from the wire."""
        if self._open:
            self._deliver(digit)

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        if not self._open:
            return
        self._open = False
        self._end = (reason, detail)
        if self._events is not None:
            self._events.on_closed(reason, detail)

    def _deliver(self, item: bytes | str) -> None:
        if self._events is None:
            self._early.append(item)
        elif isinstance(item, bytes):
            self._events.on_audio(item)
        else:
            self._events.on_dtmf(item)
