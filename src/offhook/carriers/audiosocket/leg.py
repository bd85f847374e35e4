"""The leg of one AudioSocket call: frames to and from Asterisk, which plays at once what it gets."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from offhook.audio.formats import AudioFormat
from offhook.calls.leg import CallControl, CallOrigin, LegEvents
from offhook.carriers.audiosocket.intake import ConverterFactory, Intake
from offhook.carriers.audiosocket.wire import KIND_OF_RATE, Audio, audio_header
from offhook.carriers.delivery import Delivery
from offhook.events import EndReason

__all__ = ["AudioSocketLeg"]


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
        self._delivery = Delivery()

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._delivery.attach(events)

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame. Header and frame are one write, for Asterisk hangs up on a gap between them."""
        if self._delivery.is_open:
            self._write(self._header + frame)

    def mark(self, name: str) -> None:
        """Nothing: what was sent is heard."""

    def clear(self) -> None:
        """Nothing: Asterisk has played what it got."""

    async def close(self, reason: EndReason) -> None:
        """End the call in the way that lets the dialplan go on; returns when the connection is gone."""
        self._delivery.close()
        await self._hang_up(reason)

    def hear(self, audio: Audio) -> None:
        """Take caller audio from the wire."""
        for frame in self._intake.frames(audio):
            self._delivery.give(frame)

    def press(self, digit: str) -> None:
        """Take a key that the caller pressed from the wire."""
        self._delivery.give(digit)

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        self._delivery.end(reason, detail)

    def hold_end(self) -> None:
        """Keep the end to ourselves, if it comes, until `release_end`: a transfer ends the connection before it is
        known to have worked."""
        self._delivery.hold_end()

    def release_end(self) -> None:
        """Tell of the end if it came."""
        self._delivery.release_end()
