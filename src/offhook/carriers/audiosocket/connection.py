"""One TCP connection from Asterisk: which call it brings, in which format, and how it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import structlog

from offhook.audio.formats import FRAME_MS, PCM_8K, AudioFormat, Encoding
from offhook.carriers.audiosocket.intake import ConverterFactory, source_format
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.audiosocket.line import Line, tune
from offhook.carriers.audiosocket.registry import Registry
from offhook.carriers.audiosocket.wire import (
    Audio,
    AudioSocketError,
    CallId,
    Dtmf,
    ErrorCode,
    Failure,
    Hangup,
    Kind,
    Message,
    Parser,
    encode,
)
from offhook.carriers.pulse import CallLater
from offhook.events import EndReason

__all__ = ["Connection", "OnCall", "Timing"]

OnCall = Callable[[AudioSocketLeg], None]

KEYS = frozenset("0123456789*#ABCD")
STALL_MS = 2_000

_SILENCE = encode(Audio(Kind.AUDIO_8K, PCM_8K.silence))

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Timing:
    """How long a connection waits, in seconds but for the last.

    `first_message_s` for the UUID; `half_message_s` for the rest of a message that has begun; `drain_s` for the peer's
    end of file after our own; `detect_frames` is the number of 20 ms frames in which the first audio may come and
    decide the format of the leg.
    """

    first_message_s: float = 5.0
    half_message_s: float = 2.0
    drain_s: float = 1.0
    detect_frames: int = 5


class Connection(asyncio.Protocol):
    """Reads a peer, hands over its leg, and ends itself alone when the peer breaks the protocol."""

    def __init__(
        self,
        registry: Registry,
        on_call: OnCall,
        converter: ConverterFactory,
        timing: Timing,
        call_later: CallLater,
    ):
        self._registry = registry
        self._on_call = on_call
        self._converter = converter
        self._timing = timing
        self._call_later = call_later
        self._log = log
        self._peer = ""
        self._line: Line
        self._parser = Parser()
        self._silent = True
        self._call_id: UUID
        self._claimed = False
        self._leg: AudioSocketLeg | None = None

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the peer, or refuse it."""
        transport = cast("asyncio.Transport", transport)
        self._line = Line(transport, self._call_later, self._timing.drain_s)
        self._registry.enter(self)
        address = transport.get_extra_info("peername")
        if address is None:
            self._line.abort()
            return
        host, port = address[:2]
        self._peer = f"{host}:{port}"
        self._log = log.bind(peer=self._peer)
        if self._registry.admits(host):
            tune(transport.get_extra_info("socket"))
            self._line.wait(self._timing.first_message_s, self._no_first_message)
        else:
            self._refuse()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._line.ended:
            return
        self._silent = False
        try:
            completed = self._read(data)
        except AudioSocketError as error:
            self._break_off(error.fault, str(error))
        else:
            self._watch_half_message(completed)

    def eof_received(self) -> None:
        """The caller hung up, or the peer never meant to call."""
        if not self._line.ended:
            self._part("in the middle of a message" if self._parser.partial else "")
        self._line.finish()

    def pause_writing(self) -> None:
        """The peer does not read: what could still be sent would come too late."""
        if not self._line.ended:
            problem = f"the peer has left {STALL_MS} ms of audio unread"
            self._note_fault("peer_stalled", problem)
            self._end_leg(EndReason.PEER_STALLED, problem)
            self._line.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clear up. Asterisk resets a connection of which it has not read the last frames: that is a hangup, too."""
        if not self._line.ended:
            if exc is None or isinstance(exc, ConnectionError):
                self._part(str(exc or ""))
            else:
                self._note_fault("connection_lost", str(exc))
                stalled = isinstance(exc, TimeoutError)
                self._end_leg(EndReason.PEER_STALLED if stalled else EndReason.ERROR, str(exc))
        self._line.lose()
        self._line.gone.set()
        self._registry.leave(self)

    # What the leg and the server ask.

    async def hang_up(self, reason: EndReason) -> None:
        """End the connection so that the dialplan goes on; returns when it is gone."""
        if not self._line.ended:
            self._log.info("AudioSocket call ended by us", reason=reason.value)
            self._release()
            self._line.say_goodbye()
        await self._line.gone.wait()

    async def shut_down(self) -> None:
        """The same for the sake of a stopping server; a leg that is still in use hears of it."""
        self._end_leg(EndReason.SHUTDOWN, "")
        await self.hang_up(EndReason.SHUTDOWN)

    # How a call begins and goes on.

    def _read(self, data: bytes) -> bool:
        """Take the messages in `data`, as long as the call lasts. Whether there was any."""
        completed = False
        for message in self._parser.feed(data):
            completed = True
            self._take(message)
            if self._line.ended:
                break
        return completed

    def _take(self, message: Message) -> None:
        match message:
            case Audio():
                self._hear(message)
            case Dtmf(digit):
                self._press(digit)
            case CallId(uuid):
                self._identify(uuid)
            case Hangup():
                self._end(EndReason.CALLER_HUNG_UP, "hangup message")
            case Failure(code):
                self._fail(code)

    def _hear(self, audio: Audio) -> None:
        if self._leg is None:
            source = source_format(audio, self._converter)
            leg = self._hand_over(AudioFormat(Encoding.PCM16, source.rate), str(source))
        else:
            leg = self._leg
        leg.hear(audio)

    def _press(self, digit: str) -> None:
        if digit in KEYS:
            (self._leg or self._hand_over(PCM_8K)).press(digit)
        else:
            self._log.info("AudioSocket digit ignored: it is on no telephone", digit=digit)

    def _identify(self, call_id: UUID) -> None:
        self._log = self._log.bind(call=str(call_id))
        holder = self._registry.claim(call_id, self._peer)
        if holder is None:
            self._call_id = call_id
            self._claimed = True
            self._await_audio(self._timing.detect_frames)
        else:
            self._break_off("duplicate_uuid", f"{holder} has brought this call already, and it is in progress")

    def _await_audio(self, frames: int) -> None:
        """Send silence while the format is open: Asterisk may serve nothing before it has heard from the server."""
        if frames:
            self._line.write(_SILENCE)
            self._line.wait(FRAME_MS / 1000, lambda: self._await_audio(frames - 1))
        else:
            self._hand_over(PCM_8K)

    def _hand_over(self, audio_format: AudioFormat, source: str = "none yet") -> AudioSocketLeg:
        self._line.stop_waiting()
        self._line.limit_unread(audio_format.bytes_in(STALL_MS))
        leg = AudioSocketLeg(
            self._line.write,
            self.hang_up,
            call_id=self._call_id,
            peer=self._peer,
            audio_format=audio_format,
            converter=self._converter,
        )
        self._leg = leg
        self._log.info("AudioSocket call", caller_audio=source, format=str(audio_format))
        self._on_call(leg)
        return leg

    # How it ends.

    def _refuse(self) -> None:
        self._registry.counters["refused"] += 1
        self._log.warning("AudioSocket peer refused: it is in no network of audiosocket.allow")
        self._line.abort()

    def _part(self, detail: str) -> None:
        """Note that the peer has ended the connection, which is how a caller hangs up."""
        if self._silent:
            self._log.debug("AudioSocket peer looked in and left")
        elif not self._claimed:
            self._note_fault("no_uuid", "the peer left before it had said which call it brings")
        else:
            self._log.info("AudioSocket caller hung up")
        self._end_leg(EndReason.CALLER_HUNG_UP, detail)

    def _no_first_message(self) -> None:
        self._break_off("no_uuid", f"no UUID within {self._timing.first_message_s:g} s")

    def _watch_half_message(self, completed: bool) -> None:
        if self._leg is None or self._line.ended:
            return
        if completed or not self._parser.partial:
            self._line.stop_waiting()
        if self._parser.partial and not self._line.waiting:
            self._line.wait(self._timing.half_message_s, self._half_message)

    def _half_message(self) -> None:
        self._break_off("half_message", f"a message was not completed within {self._timing.half_message_s:g} s")

    def _fail(self, code: int) -> None:
        problem = f"error message 0x{code:02x}"
        self._note_fault("peer_error", problem)
        hung_up = code == ErrorCode.CALLER_HUNG_UP
        self._end(EndReason.CALLER_HUNG_UP if hung_up else EndReason.ERROR, problem)

    def _break_off(self, fault: str, problem: str) -> None:
        """End this connection, and no other, for a fault of the peer."""
        self._note_fault(fault, problem)
        self._end(EndReason.PROTOCOL, problem)

    def _note_fault(self, fault: str, problem: str) -> None:
        self._registry.counters[fault] += 1
        self._log.warning("AudioSocket connection ended by a fault", fault=str(fault), problem=problem)

    def _end(self, reason: EndReason, detail: str) -> None:
        self._end_leg(reason, detail)
        self._line.say_goodbye()

    def _end_leg(self, reason: EndReason, detail: str) -> None:
        self._release()
        if self._leg is not None:
            self._leg.end(reason, detail)

    def _release(self) -> None:
        if self._claimed:
            self._claimed = False
            self._registry.release(self._call_id)
