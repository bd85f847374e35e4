"""One media socket from its first message to its end: which call it brings, and how it ends without harm to others."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType

from offhook.audio.formats import FRAME_MS
from offhook.calls.leg import CallControl, Leg
from offhook.carriers.allowance import Allowance
from offhook.carriers.media_stream.frames import FRAMES
from offhook.carriers.media_stream.leg import ByteOrder, StreamLeg
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.media_stream.wire import Event, Media, Started, Stopped
from offhook.carriers.pulse import Pulse
from offhook.carriers.stream_socket import StreamSocket
from offhook.config.carriers import CarrierSettings, MediaStreamSettings, TwilioSettings
from offhook.errors import WireError
from offhook.events import EndReason

__all__ = ["serve_stream"]

EARLY_MS = 2_000
STALL_MS = 2_000

MOST_A_SECOND = 600
"""Messages, or 20 ms of audio in one. A carrier sends 50; tests may let a call run ten times as fast."""

MOST_AT_ONCE = 1_000
"""What a network that was stuck for 20 s delivers when it goes on."""

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
    connection = _Connection(
        socket,
        ticket,
        limits,
        answer,
        control=control,
        peer=peer,
        byte_order=carrier.byte_order if isinstance(carrier, CarrierSettings) else "little",
        settle_ms=carrier.settle_ms if ticket.origin.direction == "inbound" else 0,
    )
    await connection.run()


class _Connection:
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
        self._max_unread = 0
        self._binary = 0
        self._allowance = Allowance(MOST_A_SECOND, MOST_AT_ONCE)
        self._pulse = Pulse(
            asyncio.get_running_loop().call_later,
            socket.heartbeat_s,
            ask=socket.probe,
            give_up=lambda: self._give_up("the peer answers no ping"),
        )
        self._close_code = WSCloseCode.OK
        self._close_reason = ""
        self._over = asyncio.Event()
        self._gone = asyncio.Event()
        self._log = log.bind(carrier=ticket.carrier, carrier_call_id=ticket.carrier_call_id, peer=peer)

    async def run(self) -> None:
        """Serve until the end; returns when the socket is gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._limits.start_within_s, self._start_is_late)
        reading = loop.create_task(self._read())
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self._end(EndReason.SHUTDOWN, "", WSCloseCode.GOING_AWAY)
            raise
        finally:
            deadline.cancel()
            self._pulse.stop()
            try:
                await self._part(reading)
            finally:
                self._socket.abort()
                self._gone.set()

    async def _part(self, reading: asyncio.Task[None]) -> None:
        # Closing must read for itself: closed on what is unread, TCP would reset and lose our last words.
        reading.cancel()
        await asyncio.wait({reading})
        await self._socket.part(self._close_code, self._close_reason)

    async def _hang_up(self, reason: EndReason) -> None:
        """End the stream from our side; returns when it is gone."""
        if not self._over.is_set():
            self._say_stop()
            self._end(reason, "", WSCloseCode.GOING_AWAY if reason is EndReason.SHUTDOWN else WSCloseCode.OK)
        await self._gone.wait()

    def _write(self, text: str) -> None:
        """Send; a peer that leaves too much unread is given up, for what could still be sent would come too late."""
        self._socket.write_text(text)
        if self._socket.unread > self._max_unread:
            self._give_up(f"the peer has left {STALL_MS} ms of audio unread")

    # What comes in

    async def _read(self) -> None:
        try:
            await self._read_on()
        except WireError as error:
            self._break_off(WSCloseCode.PROTOCOL_ERROR, str(error))
        except ConnectionError as error:
            self._end(EndReason.CALLER_HUNG_UP, str(error))
        except asyncio.CancelledError:
            self._end(EndReason.SHUTDOWN, "", WSCloseCode.GOING_AWAY)
            raise
        except Exception as error:  # noqa: BLE001 - the top of a connection's task: a fault in one call ends that call
            self._log.error("a fault in a media stream", exc_info=error)
            self._end(EndReason.ERROR, str(error), WSCloseCode.INTERNAL_ERROR)

    async def _read_on(self) -> None:
        receive, read, pulse = self._socket.receive, self._frames.read, self._pulse
        while not self._over.is_set():
            message = await receive()
            pulse.alive = True
            if message.type is WSMsgType.TEXT:
                event = read(message.data)
                self._spend(event)
                if event is not None:
                    self._take(event)
            else:
                self._spend(None)
                await self._take_other(message)

    def _spend(self, event: Event | None) -> None:
        """Raises WireError where the peer sends more than any carrier would: other calls have to be served, too."""
        frames = len(event.payload) // self._ticket.format.frame_bytes if isinstance(event, Media) else 0
        if not self._allowance.spend(max(1, frames)):
            raise WireError(f"more than {MOST_A_SECOND} messages or frames a second")

    async def _take_other(self, message: WSMessage) -> None:
        match message.type:
            case WSMsgType.PING:
                await self._socket.pong(message.data)
            case WSMsgType.PONG:
                pass
            case WSMsgType.BINARY:
                self._binary += 1
            case _:
                self._lose(message)

    def _take(self, event: Event) -> None:
        if isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Stopped):
            self._end(EndReason.CALLER_HUNG_UP, event.reason)
        elif self._leg is not None:
            self._leg.take(event)
        elif isinstance(event, Media):
            self._early.keep(event)

    def _start(self, started: Started) -> None:
        expected = self._ticket.carrier_call_id
        call_id = expected or started.call_id
        if started.call_id and started.call_id.casefold() != call_id.casefold():
            self._break_off(WSCloseCode.POLICY_VIOLATION, f"the stream is of call {started.call_id}, not {expected}")
            return
        leg = self._make_leg(call_id)
        self._leg = leg
        self._log.info("media stream", stream_id=started.stream_id, format=str(leg.format))
        for media in self._early.take():
            leg.take(media)
        self._answer(leg)

    def _make_leg(self, call_id: str) -> StreamLeg:
        audio_format = self._frames.stream.format
        frame_bytes = len(self._frames.audio(audio_format.silence))
        self._max_unread = frame_bytes * STALL_MS // FRAME_MS
        return StreamLeg(
            self._write,
            self._hang_up,
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

    # How it ends

    def _start_is_late(self) -> None:
        if self._leg is None:
            self._break_off(WSCloseCode.POLICY_VIOLATION, f"no start within {self._limits.start_within_s:g} s")

    def _give_up(self, problem: str) -> None:
        if not self._over.is_set():
            self._note_fault(problem)
            self._end(EndReason.PEER_STALLED, problem)
            self._socket.abort()

    def _lose(self, message: WSMessage) -> None:
        """Note that the socket is closed, which is how a caller hangs up, or broken."""
        fault = message.data if message.type is WSMsgType.ERROR else None
        if isinstance(fault, WebSocketError):
            self._note_fault(str(fault))
            self._end(EndReason.PROTOCOL, str(fault))
        else:
            self._end(EndReason.CALLER_HUNG_UP, str(fault or ""))

    def _break_off(self, code: WSCloseCode, problem: str) -> None:
        """End this connection, and no other, for a fault of the peer."""
        if not self._over.is_set():
            self._note_fault(problem)
            self._say_stop()
            self._close_reason = problem
            self._end(EndReason.PROTOCOL, problem, code)

    def _note_fault(self, problem: str) -> None:
        self._log.warning("media stream ended by a fault", problem=problem)

    def _say_stop(self) -> None:
        stop = self._frames.stop()
        if stop is not None:
            self._socket.write_text(stop)

    def _end(self, reason: EndReason, detail: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """The first end counts. The call hears of it unless it is the one that wanted it."""
        if self._over.is_set():
            return
        self._over.set()
        self._close_code = code
        ignored = {what: count for what, count in (*self._frames.counters.items(), ("binary", self._binary)) if count}
        self._log.info(
            "media stream ended", reason=reason.value, detail=detail, **{"ignored": ignored} if ignored else {}
        )
        if self._leg is not None:
            self._leg.end(reason, detail)


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
