"""One WebSocket of Asterisk from its first message to its end: which call it brings, and how it ends without harm."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType

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
from offhook.carriers.call_socket import CallSocket, Words
from offhook.carriers.stream_socket import StreamSocket
from offhook.config import AsteriskWebSocketSettings
from offhook.errors import WireError
from offhook.events import EndReason

__all__ = ["CallsInProgress", "OnWebSocketCall", "serve_websocket"]

FAREWELL_S = 1.0
"""Time for Asterisk to close after our HANGUP."""

OnWebSocketCall = Callable[[WebSocketLeg], None]

_WORDS = Words("WebSocket call", "MEDIA_START", "the channel does not tell its status")

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
    talk = _Talk(socket, query, settings, calls, answer, peer=peer, farewell_s=farewell_s)
    try:
        await talk.line.run(settings.start_within_s)
    finally:
        talk.release()


class _Talk:
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
        self.ignored: Counter[str] = Counter()
        self.line = CallSocket(socket, self, _WORDS, log.bind(carrier=WebSocketLeg.carrier, peer=peer))

    def release(self) -> None:
        """The connection is gone: the call may come by another."""
        if self._leg is not None:
            self._calls.release(self._leg.carrier_call_id)

    # What the socket asks

    def ask(self) -> None:
        """Have Asterisk tell its status. No ping: before 20.18 and 22.8 the channel hangs up on one."""
        if self._start is not None:
            self._socket.write_text(command("GET_STATUS", is_json=self._start.is_json))

    def say_goodbye(self, *, cut_short: bool) -> None:
        """Asterisk hangs up the channel, and closes."""
        if self._start is not None:
            self._socket.write_text(command("HANGUP", is_json=self._start.is_json))

    def ended(self, reason: EndReason, detail: str) -> None:
        """The call hears of it unless it is the one that wanted it."""
        if self._leg is not None:
            self._leg.end(reason, detail)

    def take(self, message: WSMessage) -> None:
        """Sound, or an event. Raises WireError."""
        frames = 0
        if message.type is WSMsgType.BINARY and self._start is not None:
            frames = len(message.data) // self._start.format.frame_bytes
        self.line.spend(frames)
        if message.type is WSMsgType.BINARY:
            self._hear(message.data)
        else:
            self._read_text(message.data)

    # What comes in

    def _hear(self, payload: bytes) -> None:
        if self._leg is None:
            self.ignored["sound before the start"] += 1
        elif not payload or len(payload) % self._leg.format.sample_bytes:
            self.ignored["sound of half a sample, or none"] += 1
        else:
            self._leg.hear(payload)

    def _read_text(self, text: str) -> None:
        if self.line.over:
            return
        event = read_event(text)
        if isinstance(event, MediaStart):
            self._begin(event)
        elif self._leg is None:
            raise WireError(f"the first message is no MEDIA_START: {text[:60]!r}")
        else:
            self._tell(self._leg, event)

    def _tell(self, leg: WebSocketLeg, event: Event | None) -> None:
        match event:
            case Flow() | KeyPressed() | MarkProcessed():
                leg.take(event)
            case Trouble(text):
                self.line.log.warning("Asterisk refused a command", problem=text)
            case None:
                self.ignored["events of no use"] += 1

    def _begin(self, start: MediaStart) -> None:
        if self._start is not None:
            raise WireError("a second MEDIA_START on one connection")
        line, known = self.line, introduction(start, self._query)
        line.log = line.log.bind(call=known.call_id)
        holder = self._calls.claim(known.call_id, self._peer)
        if holder:
            problem = f"{holder} has brought the call {known.call_id} already, and it is in progress"
            line.break_off(WSCloseCode.POLICY_VIOLATION, problem)
            return
        self._start = start
        line.started(start.format.frame_bytes)
        # Asterisk answers our HANGUP by a close.
        line.farewell_s = self._farewell_s
        leg = WebSocketLeg(
            line, line.hang_up, start=start, introduction=known, peer=self._peer, lead_ms=self._settings.lead_ms
        )
        self._leg = leg
        line.log.info("WebSocket call", channel=start.channel, format=str(start.format), json=start.is_json)
        self._answer(leg)
