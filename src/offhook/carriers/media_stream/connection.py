"""One media socket from its first message to its end: which call it brings, and how it ends without harm to others."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType

from offhook.calls.leg import CallControl, Leg
from offhook.carriers.call_socket import CallSocket, Words
from offhook.carriers.media_stream.frames import FRAMES
from offhook.carriers.media_stream.leg import ByteOrder, StreamLeg
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.media_stream.wire import Event, Media, Started, Stopped
from offhook.carriers.stream_socket import StreamSocket
from offhook.config.carriers import CarrierSettings, MediaStreamSettings, TwilioSettings
from offhook.events import EndReason

__all__ = ["serve_stream"]

EARLY_MS = 2_000
_WORDS = Words("media stream", "start", "the peer answers no ping")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


async def serve_stream(
    socket: StreamSocket,
    ticket: Ticket,
    *,
    carrier: TwilioSettings,
    limits: MediaStreamSettings,
    answer: Callable[[Leg], None],
    control: CallControl | None,
    peer: str,
) -> None:
    """Carry the call of `ticket` over `socket`, which is open, until either side ends it.

    `answer` gets the leg when the stream has started; `peer` is the address for logs.
    """
    talk = _Talk(
        socket,
        ticket,
        limits,
        answer,
        control=control,
        peer=peer,
        byte_order=carrier.byte_order if isinstance(carrier, CarrierSettings) else "little",
        settle_ms=carrier.settle_ms if ticket.origin.direction == "inbound" else 0,
    )
    await talk.line.run(limits.start_within_s)


class _Talk:
    def __init__(
        self,
        socket: StreamSocket,
        ticket: Ticket,
        limits: MediaStreamSettings,
        answer: Callable[[Leg], None],
        *,
        control: CallControl | None,
        peer: str,
        byte_order: ByteOrder,
        settle_ms: int,
    ):
        self._socket = socket
        self._ticket = ticket
        self._limits = limits
        self._answer = answer
        self._control = control
        self._peer = peer
        self._byte_order = byte_order
        self._settle_ms = settle_ms
        self._frames = FRAMES[ticket.carrier](ticket.format, limits.max_message_bytes)
        self._early = _EarlyAudio(ticket.format.bytes_in(EARLY_MS))
        self._leg: StreamLeg | None = None
        self._binary = 0
        bound = log.bind(carrier=ticket.carrier, carrier_call_id=ticket.carrier_call_id, peer=peer)
        self.line = CallSocket(socket, self, _WORDS, bound)

    # What the socket asks

    @property
    def ignored(self) -> Mapping[str, int]:
        """What was of no use, by what it was."""
        return {**self._frames.counters, "binary": self._binary}

    def ask(self) -> None:
        """Ping."""
        self._socket.probe()

    def say_goodbye(self, *, cut_short: bool) -> None:
        """End the stream in words, if the carrier has one for it. One that is cut short ends by the close alone."""
        stop = None if cut_short else self._frames.stop()
        if stop is not None:
            self._socket.write_text(stop)

    def ended(self, reason: EndReason, detail: str) -> None:
        """The call hears of it unless it is the one that wanted it."""
        if self._leg is not None:
            self._leg.end(reason, detail)

    def take(self, message: WSMessage) -> None:
        """A message of the carrier. Raises WireError."""
        if message.type is WSMsgType.BINARY:
            self._binary += 1
            self.line.spend(1)
            return
        event = self._frames.read(message.data)
        self.line.spend(len(event.payload) // self._ticket.format.frame_bytes if isinstance(event, Media) else 1)
        if event is not None:
            self._tell(event)

    # What comes in

    def _tell(self, event: Event) -> None:
        if isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Stopped):
            self.line.finish(EndReason.CALLER_HUNG_UP, event.reason)
        elif self._leg is not None:
            self._leg.take(event)
        elif isinstance(event, Media):
            self._early.keep(event)

    def _start(self, started: Started) -> None:
        expected = self._ticket.carrier_call_id
        call_id = expected or started.call_id
        if started.call_id and started.call_id.casefold() != call_id.casefold():
            problem = f"the stream is of call {started.call_id}, not {expected}"
            self.line.break_off(WSCloseCode.POLICY_VIOLATION, problem)
            return
        leg = self._make_leg(call_id)
        self._leg = leg
        self.line.log.info("media stream", stream_id=started.stream_id, format=str(leg.format))
        for media in self._early.take():
            leg.take(media)
        self._answer(leg)

    def _make_leg(self, call_id: str) -> StreamLeg:
        audio_format = self._frames.stream.format
        self.line.started(len(self._frames.audio(audio_format.silence)))
        return StreamLeg(
            self.line.write_text,
            self.line.hang_up,
            frames=self._frames,
            carrier_call_id=call_id,
            peer=self._peer,
            origin=self._ticket.origin,
            control=self._control,
            lead_ms=self._limits.lead_ms,
            clear_ms=self._limits.clear_ms,
            settle_ms=self._settle_ms,
            byte_order=self._byte_order,
            clock=time.monotonic,
        )


class _EarlyAudio:
    """Audio that comes before the start: of all of it, the last `most` bytes."""

    def __init__(self, most: int):
        self._most = most
        self._kept: deque[Media] = deque()
        self._bytes = 0

    def keep(self, media: Media) -> None:
        self._kept.append(media)
        self._bytes += len(media.payload)
        while self._bytes > self._most:
            self._bytes -= len(self._kept.popleft().payload)

    def take(self) -> Iterator[Media]:
        while self._kept:
            yield self._kept.popleft()
