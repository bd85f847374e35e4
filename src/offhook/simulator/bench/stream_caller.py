"""A caller of a load by a media stream of Vobiz, Plivo or Twilio.

It is the leanest carrier that a server can be called by: one webhook, one socket, and a buffer of audio in which marks
are reached. The double of the carrier does more, and would cost a load of many calls more than the server itself.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import orjson

from offhook.errors import CallError
from offhook.simulator.bench.frame_notes import FrameNotes
from offhook.simulator.bench.stamps import write_stamp
from offhook.simulator.clouds.media_stream.dialects import DIALECTS, MULAW, Account, Carrier, Dialect
from offhook.simulator.clouds.media_stream.documents import DocumentError, read_document
from offhook.simulator.clouds.media_stream.facts import CallFacts
from offhook.simulator.clouds.media_stream.parameters import PlivoParameters
from offhook.simulator.clouds.media_stream.parameters_twilio import TwilioParameters
from offhook.simulator.clouds.media_stream.playback import FRAME_BYTES, Playback
from offhook.simulator.clouds.media_stream.signing import signature_headers
from offhook.simulator.clouds.media_stream.verbs import Stream
from offhook.simulator.clouds.media_stream.wire import Clear, Mark, Message, RefusedError, Sound, Wire
from offhook.simulator.clouds.media_stream.wire_plivo import PlivoWire
from offhook.simulator.clouds.media_stream.wire_twilio import TwilioWire

__all__ = ["StreamCaller", "StreamLine"]

MULAW_FRAME_BYTES = 160
PLAYED = bytes(FRAME_BYTES)
"""What 20 ms are in the buffer: it is asked when audio has been played, not which."""


@dataclass(frozen=True, slots=True)
class StreamLine:
    """Where to call: the answer URL, the number that it belongs to, and the account that signs."""

    session: aiohttp.ClientSession
    carrier: Carrier
    account: Account
    answer_url: str
    to: str

    @property
    def dialect(self) -> Dialect:
        """The carrier's ways."""
        return DIALECTS[self.carrier]


class StreamCaller:
    """Calls in mu-law, the format of every carrier. `gone` is set when there is no connection any more. Behind its
    stamp a frame is `fill`."""

    def __init__(self, line: StreamLine, *, fill: int = 0) -> None:
        self.notes = FrameNotes()
        self.dropped = ""
        self.gone = asyncio.Event()
        self._line = line
        self._over = False
        self._buffer = Playback()
        self._frame = bytearray([fill]) * MULAW_FRAME_BYTES
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._began_s = 0.0

    async def connect(self) -> None:
        """Call. Raises CallError."""
        line, dialect = self._line, self._line.dialect
        facts = CallFacts(
            dialect,
            line.account,
            dialect.new_call_id(),
            "inbound",
            dialect.number("+15550142"),
            dialect.number(line.to),
            datetime.now(UTC),
        )
        try:
            verb = await self._answered(facts)
            self._socket = await line.session.ws_connect(verb.url, headers=self._signature("GET", verb.url, {}))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CallError(f"cannot call {line.answer_url}: {error or type(error).__name__}") from error
        self._wire = _wire(facts, verb, dialect.new_stream_id())
        self._began_s = time.monotonic()
        for message in self._wire.opening():
            await self._send(message)
        self._reading = asyncio.create_task(self._read(self._socket))

    async def send(self) -> None:
        """Send the next frame, stamped now, and what the buffer has to tell."""
        if self._socket is None or self._socket.closed:
            return
        _, reached = self._buffer.tick()
        for message in self._wire.reached(reached):
            await self._send(message)
        now_ns = time.monotonic_ns()
        write_stamp(self._frame, 0, self.notes.sequence, now_ns)
        stream_ms = round(now_ns / 1e6 - self._began_s * 1000)
        await self._send(self._wire.media(bytes(self._frame), "inbound", stream_ms, round(time.time() * 1000)))
        self.notes.sequence += 1

    async def hang_up(self) -> None:
        """Close the socket, as a carrier does when the caller hangs up."""
        self._over = True
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    async def _answered(self, facts: CallFacts) -> Stream:
        """Ask the server what to do; it must be a stream. Raises CallError."""
        line = self._line
        parameters = (TwilioParameters if line.dialect.twilio else PlivoParameters)(facts).document("StartApp", {})
        headers = self._signature("POST", line.answer_url, parameters)
        async with line.session.post(line.answer_url, data=parameters, headers=headers) as answer:
            body, status = await answer.read(), answer.status
        if status != 200:
            raise CallError(f"{line.answer_url} answered {status}")
        try:
            document = read_document(body, answer.headers.get("Content-Type", ""), line.carrier)
        except DocumentError as error:
            raise CallError(f"the document of {line.answer_url}: {error}") from error
        verb = next((verb for verb in document.verbs if isinstance(verb, Stream)), None)
        if verb is None or verb.content_type != f"{MULAW};rate=8000":
            raise CallError(f"{line.answer_url} asked for no stream of mu-law")
        return verb

    def _signature(self, method: str, url: str, parameters: dict[str, str]) -> dict[str, str]:
        line = self._line
        if method == "GET" and not line.dialect.twilio:
            return {}
        return signature_headers(line.dialect, line.account, method, url, parameters)

    async def _send(self, message: Message) -> None:
        if self._socket is not None:
            with suppress(ConnectionError):
                await self._socket.send_str(orjson.dumps(message).decode())

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._take(message.data, time.monotonic_ns())
        if not self._over:
            self.dropped = self.dropped or "the server hung up"
        self.gone.set()

    async def _take(self, text: str, now_ns: int) -> None:
        try:
            command = self._wire.read(text)
        except RefusedError as error:
            self.dropped = str(error)
            return
        match command:
            case Sound(data):
                self._buffer.put(PLAYED)
                self.notes.take(data, now_ns)
            case Mark(name):
                self._buffer.mark(name)
            case Clear():
                for message in self._wire.cleared(self._buffer.clear()):
                    await self._send(message)


def _wire(facts: CallFacts, verb: Stream, stream_id: str) -> Wire:
    if facts.dialect.twilio:
        return TwilioWire(
            call_id=facts.id, stream_id=stream_id, account_id=facts.account.id, parameters=verb.parameters
        )
    return PlivoWire(
        facts.dialect,
        call_id=facts.id,
        stream_id=stream_id,
        account_number=facts.account.number,
        content_type=verb.content_type,
    )
