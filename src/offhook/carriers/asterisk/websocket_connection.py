"""One WebSocket of Asterisk from its first message to its end: which call it brings, and how it ends without harm."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType

from offhook.audio.formats import FRAME_MS
from offhook.carriers.allowance import Allowance
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.asterisk.websocket_origin import introduction
from offhook.carriers.asterisk.websocket_wire import (
    Event,
    Flow,
    KeyPressed,
    MarkProcessed,
    MediaStart,
    Trouble,
    command,
    read_event,
)
from offhook.carriers.pulse import Pulse
from offhook.carriers.stream_socket import StreamSocket
from offhook.config import AsteriskWebSocketSettings
from offhook.errors import WireError
from offhook.events import EndReason

__all__ = ["CallsInProgress", "OnWebSocketCall", "serve_websocket"]

STALL_MS = 2_000

MOST_A_SECOND = 600
"""Messages, or 20 ms of audio in one. Asterisk sends 50, or 100 of a caller whose phone sends every 10 ms."""

MOST_AT_ONCE = 1_000
"""What a network that was stuck for 20 s delivers when it goes on."""

FAREWELL_S = 1.0
"""Time for Asterisk to close after our HANGUP."""

OnWebSocketCall = Callable[[WebSocketLeg], None]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass
class CallsInProgress:
    """Which calls have a WebSocket, and whose it is: a second one for the same call is turned away."""

    peers: dict[str, str] = field(default_factory=dict)

    def claim(self, call_id: str, peer: str) -> str:
        """Note that `peer` brings the call. If another has brought it already: that other, and nothing changes."""
        if call_id in self.peers:
            return self.peers[call_id]
        self.peers[call_id] = peer
        return ""

    def release(self, call_id: str) -> None:
        """Note that the call is over."""
        self.peers.pop(call_id, None)


async def serve_websocket(
    socket: StreamSocket,
    query: Mapping[str, str],
    *,
    settings: AsteriskWebSocketSettings,
    calls: CallsInProgress,
    answer: OnWebSocketCall,
    peer: str,
    farewell_s: float = FAREWELL_S,
) -> None:
    """Carry the call that `socket`, which is open, brings, until either side ends it.

    `query` has the parameters of its address; `answer` gets the leg when the channel has introduced itself; `peer` is
    the address for logs.
    """
    await _Connection(socket, query, settings, calls, answer, peer=peer, farewell_s=farewell_s).run()


class _Connection:
    def __init__(
        self,
        socket: StreamSocket,
        query: Mapping[str, str],
        settings: AsteriskWebSocketSettings,
        calls: CallsInProgress,
        answer: OnWebSocketCall,
        *,
        peer: str,
        farewell_s: float,
    ):
        self._socket = socket
        self._query = query
        self._settings = settings
        self._calls = calls
        self._answer = answer
        self._peer = peer
        self._farewell_s = farewell_s
        self._leg: WebSocketLeg | None = None
        self._start: MediaStart | None = None
        self._max_unread = 0
        self._ignored: Counter[str] = Counter()
        self._allowance = Allowance(MOST_A_SECOND, MOST_AT_ONCE)
        self._pulse = Pulse(
            asyncio.get_running_loop().call_later,
            socket.heartbeat_s,
            ask=self._ask,
            give_up=lambda: self._give_up("the channel does not tell its status"),
        )
        self._close_code = WSCloseCode.OK
        self._close_reason = ""
        self._over = asyncio.Event()
        self._left = asyncio.Event()
        self._gone = asyncio.Event()
        self._log = log.bind(carrier=WebSocketLeg.carrier, peer=peer)

    async def run(self) -> None:
        """Serve until the end; returns when the socket is gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._settings.start_within_s, self._start_is_late)
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
                if self._leg is not None:
                    self._calls.release(self._leg.carrier_call_id)

    async def _part(self, reading: asyncio.Task[None]) -> None:
        """Leave the close to Asterisk, which answers HANGUP by one; close where none comes."""
        if not reading.done():
            await asyncio.wait({reading}, timeout=self._farewell_s if self._start is not None else 0)
            reading.cancel()
            await asyncio.wait({reading})
        await self._socket.part(self._close_code, self._close_reason)

    async def _hang_up(self, reason: EndReason) -> None:
        """End the call from our side; returns when it is gone."""
        if not self._over.is_set():
            self._end(reason, "", WSCloseCode.GOING_AWAY if reason is EndReason.SHUTDOWN else WSCloseCode.OK)
        await self._gone.wait()

    # What the leg writes

    def write_text(self, text: str) -> None:
        """Send a command."""
        self._socket.write_text(text)
        self._watch()

    def write_bytes(self, data: bytes) -> None:
        """Send sound."""
        self._socket.write_bytes(data)
        self._watch()

    def _watch(self) -> None:
        """A peer that leaves too much unread is given up, for what could still be sent would come too late."""
        if self._socket.unread > self._max_unread:
            self._give_up(f"the peer has left {STALL_MS} ms of audio unread")

    def _ask(self) -> None:
        # No ping: before 20.18 and 22.8 the channel hangs up on one.
        if self._start is not None:
            self._socket.write_text(command("GET_STATUS", is_json=self._start.is_json))

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
            self._log.error("a fault in a WebSocket call", exc_info=error)
            self._end(EndReason.ERROR, str(error), WSCloseCode.INTERNAL_ERROR)

    async def _read_on(self) -> None:
        while not self._left.is_set():
            message = await self._socket.receive()
            self._pulse.alive = True
            self._spend(message)
            match message.type:
                case WSMsgType.BINARY:
                    self._hear(message.data)
                case WSMsgType.TEXT:
                    self._read_text(message.data)
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    self._lose(message)

    def _spend(self, message: WSMessage) -> None:
        """Raises WireError where the peer sends more than any channel would: other calls have to be served, too."""
        frames = 0
        if message.type is WSMsgType.BINARY and self._start is not None:
            frames = len(message.data) // self._start.format.frame_bytes
        if not self._allowance.spend(max(1, frames)):
            raise WireError(f"more than {MOST_A_SECOND} messages or frames a second")

    def _hear(self, payload: bytes) -> None:
        if self._leg is None:
            self._ignored["sound before the start"] += 1
        elif not payload or len(payload) % self._leg.format.sample_bytes:
            self._ignored["sound of half a sample, or none"] += 1
        else:
            self._leg.hear(payload)

    def _read_text(self, text: str) -> None:
        if self._over.is_set():
            return
        event = read_event(text)
        if isinstance(event, MediaStart):
            self._begin(event)
        elif self._leg is None:
            raise WireError(f"the first message is no MEDIA_START: {text[:60]!r}")
        else:
            self._take(self._leg, event)

    def _take(self, leg: WebSocketLeg, event: Event | None) -> None:
        match event:
            case Flow() | KeyPressed() | MarkProcessed():
                leg.take(event)
            case Trouble(text):
                self._log.warning("Asterisk refused a command", problem=text)
            case None:
                self._ignored["events of no use"] += 1

    def _begin(self, start: MediaStart) -> None:
        if self._start is not None:
            raise WireError("a second MEDIA_START on one connection")
        known = introduction(start, self._query)
        self._log = self._log.bind(call=known.call_id)
        holder = self._calls.claim(known.call_id, self._peer)
        if holder:
            problem = f"{holder} has brought the call {known.call_id} already, and it is in progress"
            self._break_off(WSCloseCode.POLICY_VIOLATION, problem)
            return
        self._start = start
        self._max_unread = start.format.frame_bytes * STALL_MS // FRAME_MS
        leg = WebSocketLeg(
            self, self._hang_up, start=start, introduction=known, peer=self._peer, lead_ms=self._settings.lead_ms
        )
        self._leg = leg
        self._log.info("WebSocket call", channel=start.channel, format=str(start.format), json=start.is_json)
        self._answer(leg)

    # How it ends

    def _start_is_late(self) -> None:
        if self._leg is None:
            self._break_off(WSCloseCode.POLICY_VIOLATION, f"no MEDIA_START within {self._settings.start_within_s:g} s")

    def _give_up(self, problem: str) -> None:
        if not self._over.is_set():
            self._note_fault(problem)
            self._finish(EndReason.PEER_STALLED, problem)
            self._left.set()
            self._socket.abort()

    def _lose(self, message: WSMessage) -> None:
        """Note that the socket is closed, which is how a caller hangs up, or broken."""
        self._left.set()
        fault = message.data if message.type is WSMsgType.ERROR else None
        if isinstance(fault, WebSocketError):
            self._note_fault(str(fault))
            self._finish(EndReason.PROTOCOL, str(fault))
        else:
            self._finish(EndReason.CALLER_HUNG_UP, str(fault or ""))

    def _break_off(self, code: WSCloseCode, problem: str) -> None:
        """End this connection, and no other, for a fault of the peer."""
        if not self._over.is_set():
            self._note_fault(problem)
            self._close_reason = problem
            self._end(EndReason.PROTOCOL, problem, code)

    def _note_fault(self, problem: str) -> None:
        self._log.warning("WebSocket call ended by a fault", problem=problem)

    def _end(self, reason: EndReason, detail: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """End from our side: Asterisk is told to hang up the channel."""
        if not self._over.is_set() and self._start is not None:
            self._socket.write_text(command("HANGUP", is_json=self._start.is_json))
        self._finish(reason, detail, code)

    def _finish(self, reason: EndReason, detail: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """The first end counts. The call hears of it unless it is the one that wanted it."""
        if self._over.is_set():
            return
        self._over.set()
        self._close_code = code
        ignored = {"ignored": dict(self._ignored)} if self._ignored else {}
        self._log.info("WebSocket call ended", reason=reason.value, detail=detail, **ignored)
        if self._leg is not None:
            self._leg.end(reason, detail)
