"""The leg of one AudioSocket call: frames to and from Asterisk, which plays at once what it gets."""

from collections import deque
from collections.abc import Awaitable, Callable
from uuid import UUID

from offhook.audio.formats import AudioFormat
from offhook.calls.leg import CallControl, CallOrigin, LegEvents
from offhook.carriers.audiosocket.intake import ConverterFactory, Intake
from offhook.carriers.audiosocket.wire import KIND_OF_RATE, Audio, audio_header
from offhook.events import EndReason

__all__ = ["AudioSocketLeg"]

MAX_EARLY = 100
"""Frames and digits kept for a call that has not attached yet: 2 s of audio."""


class AudioSocketLeg:
    """Implements `offhook.calls.leg.Leg`. Its format is pcm16 at one of the rates of the wire.

    On the wire a hangup and a hand-back are one: Asterisk goes on with the dialplan after either. After `close` no
    events come. The wire tells nothing of the caller: `origin` and `control` are for whoever knows more to set, before
    the leg is answered.
    """

    carrier = "audiosocket"
    lead_ms = 0
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
        self.origin = CallOrigin()
        self.control: CallControl | None = None
        self._write = write
        self._hang_up = hang_up
        self._header = audio_header(KIND_OF_RATE[audio_format.rate], audio_format.frame_bytes)
        self._intake = Intake(audio_format, converter)
        self._events: LegEvents | None = None
        self._early: deque[bytes | str] = deque(maxlen=MAX_EARLY)
        self._end: tuple[EndReason, str] | None = None
        self._open = True
        self._held = False

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._events = events
        while self._early:
            self._deliver(self._early.popleft())
        self._tell_end()

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
        self._end = None
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
        self._tell_end()

    def hold_end(self) -> None:
        """Keep the end to ourselves, if it comes, until `release_end`: a transfer ends the connection before it is
        known to have worked."""
        self._held = True

    def release_end(self) -> None:
        """Tell of the end if it came."""
        self._held = False
        self._tell_end()

    def _tell_end(self) -> None:
        if self._end is not None and self._events is not None and not self._held:
            end, self._end = self._end, None
            self._events.on_closed(*end)

    def _deliver(self, item: bytes | str) -> None:
        if self._events is None:
            self._early.append(item)
        elif isinstance(item, bytes):
            self._events.on_audio(item)
        else:
            self._events.on_dtmf(item)
