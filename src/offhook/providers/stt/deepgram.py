"""Deepgram's streaming recognisers: nova and its elders through /v1/listen, Flux through /v2/listen."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from offhook.audio.formats import MULAW_8K, AudioFormat
from offhook.config import SttSettings
from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.sockets import Query, Socket
from offhook.providers.stt.base import SpeechStream, StreamEvents, Transcript
from offhook.providers.stt.deepgram_wire import (
    CLOSE_STREAM,
    FINALIZE,
    KEEP_ALIVE,
    Hearing,
    listen_query,
    read_duration,
    read_message,
)
from offhook.providers.stt.flux_wire import FORCE_END_TURN, FluxHearing, flux_query, read_turn_info
from offhook.providers.stt.metering import AudioMeter
from offhook.providers.stt.waiting import Waiting

__all__ = ["DeepgramRecognizer", "DeepgramStream", "KeepAlive"]

_BASE_URL = "https://api.deepgram.com"
_MODEL = "nova-3"
_HANDSHAKE_S = 5.0
_KEEP_ALIVE_S = 4.0
_KEPT_MS = 20_000
_UNANSWERED_MS = 15_000
"""Both versions answer to silence as well, the slower one every few seconds."""


class _Hearing(Protocol):
    def take(self, message: Any) -> None: ...
    def settled(self, end_ms: int) -> bool: ...
    def covered(self, end_ms: int) -> bool: ...
    def transcript(self, onset_ms: int, end_ms: int) -> Transcript: ...


@dataclass(frozen=True, slots=True)
class _Version:
    """What sets the two versions of the API apart."""

    path: str
    query: Callable[[SttSettings, str, AudioFormat, str, Sequence[str]], Query]
    read: Callable[[str | bytes], object]
    hearing: Callable[[StreamEvents], _Hearing]
    ask: str
    ask_after: float
    """The part of one's patience after which to ask for words: Flux tells them by itself, and asking ends its turn."""
    frames: int
    keep_alive_s: float | None
    words_every_ms: int


_V1 = _Version("/v1/listen", listen_query, read_message, Hearing, FINALIZE, 0.0, 1, _KEEP_ALIVE_S, 1_000)
_V2 = _Version("/v2/listen", flux_query, read_turn_info, FluxHearing, FORCE_END_TURN, 0.5, 4, None, 250)


class DeepgramRecognizer:
    """Opens streams with one key and model."""

    def __init__(self, settings: SttSettings) -> None:
        self._settings = settings
        self.model = settings.model or _MODEL
        self._version = _V2 if self.model.startswith("flux") else _V1
        self.name = f"deepgram:{self.model}"
        self.words_every_ms: int | None = self._version.words_every_ms
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, prefix="Token ", env=settings.api_key_env or "DEEPGRAM_API_KEY")
        self._server = ApiServer(self.name, settings.base_url or _BASE_URL, key, timeout_s=_HANDSHAKE_S)

    def __repr__(self) -> str:
        return f"DeepgramRecognizer(model={self.model!r}, url={self._server.url(self._version.path)!r})"

    def open(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        language: str,
        events: StreamEvents,
        among: Sequence[str] = (),
    ) -> SpeechStream:
        """Begin to listen to audio in `format`, whatever that is; with `among` to any of these languages, if the model
        knows them all."""
        query = self._query(format, language, among)
        patience_s = self._settings.stall_ms / 1000
        return DeepgramStream(self._version, self._server, query, format=format, events=events, patience_s=patience_s)

    async def check(self) -> None:
        """Open a connection, which takes a good key and model, and leave. Raises ProviderError."""
        ws = await self._server.websocket(self._version.path, self._query(MULAW_8K, "en"))
        await ws.close()

    async def close(self) -> None:
        """Close what the streams shared."""
        await self._server.close()

    def _query(self, format: AudioFormat, language: str, among: Sequence[str] = ()) -> Query:  # noqa: A002
        return self._version.query(self._settings, self.model, format, language, among)


class DeepgramStream:
    """One call's audio at Deepgram."""

    def __init__(
        self,
        version: _Version,
        server: ApiServer,
        query: Query,
        *,
        format: AudioFormat,  # noqa: A002
        events: StreamEvents,
        patience_s: float,
    ) -> None:
        self._version = version
        self._server = server
        self._events = events
        self._patience_s = patience_s
        self._format = format
        self._meter = AudioMeter(events.on_usage)
        self._hearing = version.hearing(events)
        self._waiting = Waiting()
        self._piece = bytearray()
        self._piece_size = version.frames * format.frame_bytes
        self._unanswered = 0
        self._most_unanswered = format.bytes_in(_UNANSWERED_MS)
        self._answers = 0
        self._socket = Socket(server, version.path, query, self, limit=format.bytes_in(_KEPT_MS))
        self._keep_alive = KeepAlive(version.keep_alive_s, partial(self._socket.send, KEEP_ALIVE))

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        self._piece += frame
        if len(self._piece) >= self._piece_size:
            self._send_piece()

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said between the two times. Raises ProviderError."""
        if not await self._heard(end_ms):
            raise self._unheard()
        return self._hearing.transcript(onset_ms, end_ms)

    async def close(self) -> None:
        """Say so, and leave. Never raises."""
        self._keep_alive.stop()
        self._waiting.fail(self._server.failure("the stream is closed"))
        await self._socket.close(CLOSE_STREAM, self._hear_duration)
        self._meter.close()

    def on_message(self, message: str | bytes) -> None:
        """A message of the provider. Raises WireError."""
        self._unanswered = 0
        self._answers += 1
        self._meter.answered()
        self._hearing.take(self._version.read(message))
        self._waiting.wake()

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead."""
        self._keep_alive.stop()
        self._waiting.fail(error)
        self._meter.close()
        self._events.on_failed(error)

    def _hear_duration(self, message: str | bytes) -> None:
        with suppress(WireError):
            if (seconds := read_duration(message)) is not None:
                self._meter.counted(seconds)

    async def _heard(self, end_ms: int) -> bool:
        settled = partial(self._hearing.settled, end_ms)
        if settled():
            return True
        part = self._version.ask_after
        answers = self._answers
        if part and await self._waiting.until(settled, part * self._patience_s):
            return True
        self._send_piece()
        self._socket.send(self._version.ask)
        if await self._waiting.until(settled, (1 - part) * self._patience_s):
            return True
        if self._answers == answers:
            self._socket.fail(self._unheard())
        return self._hearing.covered(end_ms)

    def _send_piece(self) -> None:
        # An empty message would end the stream.
        if not self._piece:
            return
        piece = bytes(self._piece)
        self._piece.clear()
        self._keep_alive.touch()
        self._socket.send(piece)
        self._meter.sent(self._format.ms_in(len(piece)))
        self._unanswered += len(piece)
        if self._unanswered > self._most_unanswered:
            self._socket.fail(self._server.failure("does not answer"))

    def _unheard(self) -> ProviderError:
        return self._server.failure(f"no words within {self._patience_s:g} s")


class KeepAlive:
    """Acts whenever nothing was sent for `every_s`; never, if that is None."""

    def __init__(
        self, every_s: float | None, act: Callable[[], None], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._act = act
        self._every_s = every_s or 0.0
        self._last_s = self._loop.time()
        self._timer = self._loop.call_later(every_s, self._due) if every_s else None

    def touch(self) -> None:
        """Something was sent."""
        self._last_s = self._loop.time()

    def stop(self) -> None:
        """Never act again."""
        if self._timer:
            self._timer.cancel()

    def _due(self) -> None:
        now_s = self._loop.time()
        if now_s - self._last_s >= self._every_s:
            self._act()
            self._last_s = now_s
        self._timer = self._loop.call_at(self._last_s + self._every_s, self._due)
