"""The WebSocket of one call, whatever is spoken over it: it begins in time, sends no more than it may, is asked whether
it lives, and ends without harm to others."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType

from offhook.audio.formats import FRAME_MS
from offhook.carriers.allowance import Allowance
from offhook.carriers.pulse import Pulse
from offhook.carriers.stream_socket import StreamSocket
from offhook.errors import WireError
from offhook.events import EndReason

__all__ = ["MOST_AT_ONCE", "MOST_A_SECOND", "CallSocket", "Talk", "Words"]

STALL_MS = 2_000

MOST_A_SECOND = 600
"""Messages, or 20 ms of audio in one. A carrier sends 50, Asterisk 100 of a caller whose phone sends every 10 ms; tests
may let a call run ten times as fast."""

MOST_AT_ONCE = 1_000
"""What a network that was stuck for 20 s delivers when it goes on."""


@dataclass(frozen=True, slots=True)
class Words:
    """How logs and reasons of a close name things: the connection, its first message, and a peer that is asked whether
    it lives and says nothing."""

    connection: str
    beginning: str
    silence: str


class Talk(Protocol):
    """What is spoken over the socket of a call. Nothing waits."""

    @property
    def ignored(self) -> Mapping[str, int]:
        """What was of no use, by what it was."""
        ...

    def take(self, message: WSMessage) -> None:
        """A text or binary message. Raises WireError, which ends this call and no other."""
        ...

    def ask(self) -> None:
        """Say something that the peer has to answer."""
        ...

    def say_goodbye(self, *, cut_short: bool) -> None:
        """The end comes from our side: say so, where it is said in words. It is `cut_short` where nobody wanted it:
        the task was cancelled, or failed."""
        ...

    def ended(self, reason: EndReason, detail: str) -> None:
        """The connection is over. Comes once."""
        ...


class CallSocket:
    """Runs `socket`, which is open, for `talk`. With `farewell_s` the close is left to the peer for so long."""

    def __init__(self, socket: StreamSocket, talk: Talk, words: Words, log: structlog.stdlib.BoundLogger):
        self.log = log
        self.farewell_s = 0.0
        self._socket = socket
        self._talk = talk
        self._words = words
        self._has_started = False
        self._max_unread = 0
        self._allowance = Allowance(MOST_A_SECOND, MOST_AT_ONCE)
        self._pulse = Pulse(
            asyncio.get_running_loop().call_later,
            socket.heartbeat_s,
            ask=talk.ask,
            give_up=lambda: self._give_up(words.silence),
        )
        self._close_code = WSCloseCode.OK
        self._close_reason = ""
        self._over = asyncio.Event()
        self._left = False
        self._gone = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the call has ended, though the socket may still be open."""
        return self._over.is_set()

    async def run(self, start_within_s: float) -> None:
        """Serve until the end; returns when the socket is gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(start_within_s, self._start_is_late, start_within_s)
        reading = loop.create_task(self._read())
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self._end(EndReason.SHUTDOWN, "", WSCloseCode.GOING_AWAY, cut_short=True)
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
        if self.farewell_s:
            await asyncio.wait({reading}, timeout=self.farewell_s)
        # Closing must read for itself: closed on what is unread, TCP would reset and lose our last words.
        reading.cancel()
        await asyncio.wait({reading})
        await self._socket.part(self._close_code, self._close_reason)

    # What the talk asks

    def started(self, frame_bytes: int) -> None:
        """The first message has come; 20 ms of sound are so many bytes on the wire."""
        self._has_started = True
        self._max_unread = frame_bytes * STALL_MS // FRAME_MS

    def spend(self, frames: int) -> None:
        """Count what the peer has sent. Raises WireError where that is more than any would: other calls have to be
        served, too."""
        if not self._allowance.spend(max(1, frames)):
            raise WireError(f"more than {MOST_A_SECOND} messages or frames a second")

    def write_text(self, text: str) -> None:
        """Send text; a peer that leaves too much unread is given up, for what could still be sent would come too
        late."""
        self._socket.write_text(text)
        self._watch()

    def write_bytes(self, data: bytes) -> None:
        """The same with bytes."""
        self._socket.write_bytes(data)
        self._watch()

    def _watch(self) -> None:
        if self._socket.unread > self._max_unread:
            self._give_up(f"the peer has left {STALL_MS} ms of audio unread")

    async def hang_up(self, reason: EndReason) -> None:
        """End the call from our side; returns when it is gone."""
        self._end(reason, "", WSCloseCode.GOING_AWAY if reason is EndReason.SHUTDOWN else WSCloseCode.OK)
        await self._gone.wait()

    def _end(self, reason: EndReason, detail: str, code: WSCloseCode, *, cut_short: bool = False) -> None:
        """End from our side."""
        if not self.over:
            self._talk.say_goodbye(cut_short=cut_short)
        self.finish(reason, detail, code)

    def break_off(self, code: WSCloseCode, problem: str) -> None:
        """End this connection, and no other, for a fault of the peer."""
        if not self.over:
            self._note_fault(problem)
            self._close_reason = problem
            self._end(EndReason.PROTOCOL, problem, code)

    def finish(self, reason: EndReason, detail: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """The peer has ended it. The first end counts, whoever's it was."""
        if self.over:
            return
        self._over.set()
        self._close_code = code
        ignored = {what: count for what, count in self._talk.ignored.items() if count}
        self.log.info(
            f"{self._words.connection} ended",
            reason=reason.value,
            detail=detail,
            **{"ignored": ignored} if ignored else {},
        )
        self._talk.ended(reason, detail)

    # What comes in

    async def _read(self) -> None:
        try:
            await self._read_on()
        except WireError as error:
            self.break_off(WSCloseCode.PROTOCOL_ERROR, str(error))
        except ConnectionError as error:
            self.finish(EndReason.CALLER_HUNG_UP, str(error))
        except asyncio.CancelledError:
            self._end(EndReason.SHUTDOWN, "", WSCloseCode.GOING_AWAY, cut_short=True)
            raise
        except Exception as error:
            self.log.exception(f"a fault in a {self._words.connection}")
            self._end(EndReason.ERROR, str(error), WSCloseCode.INTERNAL_ERROR, cut_short=True)

    async def _read_on(self) -> None:
        receive, take, pulse = self._socket.receive, self._talk.take, self._pulse
        while not self._left and (self.farewell_s or not self.over):
            message = await receive()
            pulse.alive = True
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                take(message)
            else:
                await self._take_other(message)

    async def _take_other(self, message: WSMessage) -> None:
        self.spend(1)
        match message.type:
            case WSMsgType.PING:
                await self._socket.pong(message.data)
            case WSMsgType.PONG:
                pass
            case _:
                self._lose(message)

    # How it ends

    def _start_is_late(self, within_s: float) -> None:
        if not self._has_started:
            self.break_off(WSCloseCode.POLICY_VIOLATION, f"no {self._words.beginning} within {within_s:g} s")

    def _give_up(self, problem: str) -> None:
        if not self.over:
            self._note_fault(problem)
            self.finish(EndReason.PEER_STALLED, problem)
            self._left = True
            self._socket.abort()

    def _lose(self, message: WSMessage) -> None:
        """Note that the socket is closed, which is how a caller hangs up, or broken."""
        self._left = True
        fault = message.data if message.type is WSMsgType.ERROR else None
        if isinstance(fault, WebSocketError):
            self._note_fault(str(fault))
            self.finish(EndReason.PROTOCOL, str(fault))
        else:
            self.finish(EndReason.CALLER_HUNG_UP, str(fault or ""))

    def _note_fault(self, problem: str) -> None:
        self.log.warning(f"{self._words.connection} ended by a fault", problem=problem)
