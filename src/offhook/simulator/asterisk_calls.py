"""Calls to an agent as Asterisk's WebSocket channel makes them: it connects, introduces itself, paces and marks."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import orjson
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

from offhook.audio.convert import converter
from offhook.audio.formats import MULAW_8K, PCM_8K, AudioFormat, Encoding
from offhook.errors import CallError
from offhook.simulator.clouds.asterisk_media_queue import MediaQueue
from offhook.simulator.clouds.media_stream.clock import Clock, RealTime
from offhook.simulator.exchange import Receiver

__all__ = ["WebSocketCircuit", "WebSocketExchange"]

FAREWELL_S = 5.0
FRAME_S = 0.02

_SLIN = {8_000: "slin", 12_000: "slin12", 16_000: "slin16", 24_000: "slin24", 32_000: "slin32", 48_000: "slin48"}


@dataclass(frozen=True)
class WebSocketExchange:
    """Dials `WebSocket/<connection>/c(…)f(json)`, with `url` and `password` those of websocket_client.conf.

    The caller's sound goes as mu-law where the line has 8 kHz, else as linear samples. `variables` are what the channel
    inherits of the caller's; without `is_json` it has none and speaks plain text. `circuits` has every call.
    """

    url: str
    password: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    is_json: bool = True
    clock: Clock = field(default_factory=RealTime)
    circuits: list["WebSocketCircuit"] = field(default_factory=list)

    async def dial(self, rate: int) -> "WebSocketCircuit":
        """Connect as Asterisk does. Raises CallError with what DIALSTATUS would come from."""
        session = ClientSession()
        basic = b64encode(f"asterisk:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"} if self.password else {}
        try:
            socket = await session.ws_connect(self.url, protocols=("media",), headers=headers)
        except ClientError as error:
            await session.close()
            raise CallError(f"cannot connect to {self.url}: {error}. Is `offhook serve` running?") from error
        circuit = WebSocketCircuit(session, socket, rate, self)
        self.circuits.append(circuit)
        return circuit


class WebSocketCircuit:
    """One call. What it hears comes at the positions at which Asterisk played it, 20 ms after 20 ms."""

    def __init__(self, session: ClientSession, socket: ClientWebSocketResponse, rate: int, exchange: WebSocketExchange):
        line = AudioFormat(Encoding.PCM16, rate)
        self.format, name = (MULAW_8K, "ulaw") if line == PCM_8K else (line, _SLIN[rate])
        self.call_id = str(uuid4())
        self.queue = MediaQueue(self.format.frame_bytes, self._tell, is_json=exchange.is_json)
        self._session = session
        self._socket = socket
        self._is_json = exchange.is_json
        self._clock = exchange.clock
        self._channel_id = f"{self.call_id[:8]}.2"
        self._frame_samples = line.frame_samples
        self._silence = line.silence
        self._to_channel = converter(line, self.format)
        self._from_channel = converter(self.format, line)
        self._out: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._hung_up_by_us = False
        self._tasks = [asyncio.create_task(self._write())]
        self._introduce(name, exchange.variables)

    @property
    def faults(self) -> Sequence[str]:
        """What Asterisk would have dropped or passed over."""
        return self.queue.lost

    def listen(self, receiver: Receiver) -> None:
        """Pass on what is played from now on."""
        self._tasks += [asyncio.create_task(self._beat(receiver)), asyncio.create_task(self._listen(receiver))]

    def send(self, pcm: bytes) -> None:
        """Send a frame."""
        self._out.put_nowait(self._to_channel(pcm))

    def press(self, digit: str) -> None:
        """Press a key; the channel tells of it when it is released."""
        self._tell("DTMF_END", {"digit": digit})

    async def hang_up(self) -> None:
        """End the call, and wait until the other end knows: Asterisk closes the WebSocket."""
        self._hung_up_by_us = True
        self._out.put_nowait(None)
        await asyncio.wait(self._tasks[:1], timeout=FAREWELL_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._socket.close()
                await asyncio.gather(*self._tasks[2:])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def _introduce(self, format_name: str, variables: Mapping[str, str]) -> None:
        fields: dict[str, str | int] = {
            "connection_id": "offhook",
            "channel": f"WebSocket/offhook/0x{self.call_id[:8]}",
            "channel_id": self._channel_id,
            "format": format_name,
            "optimal_frame_size": self.format.frame_bytes,
            "ptime": 20,
        }
        if self._is_json:
            told = {"MEDIA_WEBSOCKET_CONNECTION_ID": "offhook", "__OFFHOOK_CALL": self.call_id, **variables}
            self._out.put_nowait(orjson.dumps({"event": "MEDIA_START", **fields, "channel_variables": told}).decode())
        else:
            self._out.put_nowait(" ".join(["MEDIA_START", *(f"{name}:{value}" for name, value in fields.items())]))

    def _tell(self, event: str, fields: Mapping[str, str | int | bool]) -> None:
        if self._is_json:
            text = orjson.dumps({"event": event, "channel_id": self._channel_id, **fields}).decode()
        elif event == "MEDIA_MARK_PROCESSED":
            text = f"{event} {fields['correlation_id']}"
        else:
            text = " ".join([event, *(f"{name}:{value}" for name, value in fields.items())])
        self._out.put_nowait(text)

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while (message := await self._out.get()) is not None:
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_str(message)

    async def _beat(self, receiver: Receiver) -> None:
        """The channel's timer: 20 ms after 20 ms something is played, if only silence. Never ends."""
        start, beats, position = self._clock.now_s(), 0, receiver.now
        while True:
            frame = self.queue.tick()
            receiver.hear(self._silence if frame is None else self._from_channel(frame), position)
            position += self._frame_samples
            beats += 1
            await self._clock.sleep(start + beats * FRAME_S - self._clock.now_s())

    async def _listen(self, receiver: Receiver) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY:
                self.queue.media(message.data)
            elif message.type is WSMsgType.TEXT:
                self.queue.text(message.data)
            if self.queue.ended:
                break
        await self._socket.close()
        code = self._socket.close_code
        well = self.queue.ended or self._hung_up_by_us or code in (1000, 1001)
        receiver.hung_up("" if well else f"the WebSocket ended with {code}")
