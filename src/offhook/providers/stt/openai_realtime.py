"""OpenAI's streaming recognisers, through Realtime sessions that only transcribe."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from offhook.audio.convert import converter
from offhook.audio.formats import AudioFormat
from offhook.config import SttSettings
from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.openai_events import COMMIT, Failure, append, item_id, read_event, wire_format
from offhook.providers.openai_greeting import check_greeting
from offhook.providers.openai_usage import transcription_usage
from offhook.providers.sockets import Socket
from offhook.providers.stt.base import SpeechStream, StreamEvents, Transcript
from offhook.providers.stt.openai_realtime_wire import Items, is_transcript, session_update
from offhook.providers.stt.waiting import Waiting
from offhook.providers.usage import Usage

__all__ = ["OpenAiRecognizer", "OpenAiStream"]

_log = structlog.get_logger(__name__)
_BASE_URL = "https://api.openai.com/v1"
_PATH = "/realtime"
_QUERY = (("intent", "transcription"),)
_HANDSHAKE_S = 5.0
_MODEL = "gpt-live-transcribe"
# The others hear what was committed, and nothing before.
_LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper")
_WORDS_EVERY_MS = 1_000
_KEPT_MS = 20_000
_BASE64 = 1.5
"""Characters a byte of audio becomes, with room for the JSON around it."""
_PIECE_FRAMES = 2
_LEAST_COMMIT_MS = 100
_EMPTY_COMMIT = "input_audio_buffer_commit_empty"


class OpenAiRecognizer:
    """Opens streams with one key and model, at OpenAI or at a server that speaks the same."""

    def __init__(self, settings: SttSettings) -> None:
        self._settings = settings
        self.model = settings.model or _MODEL
        self.name = f"openai:{self.model}"
        self.words_every_ms = _WORDS_EVERY_MS if self.model.startswith(_LIVE) else None
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, env=settings.api_key_env or "OPENAI_API_KEY")
        self._server = ApiServer(self.name, settings.base_url or _BASE_URL, key, timeout_s=_HANDSHAKE_S)

    def __repr__(self) -> str:
        return f"OpenAiRecognizer(model={self.model!r}, url={self._server.url(_PATH)!r})"

    def open(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        language: str,
        events: StreamEvents,
        among: Sequence[str] = (),
    ) -> SpeechStream:
        """Begin to listen. G.711 and 24 kHz pass as they are; the rest is resampled to 24 kHz."""
        update = session_update(self.model, language, wire_format(format), self._settings.keyterms, among)
        patience_s = self._settings.stall_ms / 1000
        live = self.words_every_ms is not None
        return OpenAiStream(self._server, update, format=format, events=events, patience_s=patience_s, live=live)

    async def check(self) -> None:
        """Open a connection and hear what it says first. Raises ProviderError."""
        await check_greeting(self._server, _PATH, _QUERY)

    async def close(self) -> None:
        """Close what the streams shared."""
        await self._server.close()


class OpenAiStream:
    """One call's audio at OpenAI. The provider judges no turns: it transcribes what was committed, and a `live` one
    what was not, too."""

    def __init__(
        self,
        server: ApiServer,
        update: str,
        *,
        format: AudioFormat,  # noqa: A002
        events: StreamEvents,
        patience_s: float,
        live: bool,
    ) -> None:
        self._server = server
        self._live = live
        self._by_tokens = False
        self._events = events
        self._patience_s = patience_s
        self._format = wire_format(format)
        self._convert = converter(format, self._format)
        self._items = Items()
        self._waiting = Waiting()
        self._piece = bytearray()
        self._sent = 0
        self._told = ""
        self._answers = 0
        self._socket = Socket(server, _PATH, _QUERY, self, limit=int(self._format.bytes_in(_KEPT_MS) * _BASE64))
        self._socket.send(update)

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        self._piece += self._convert(frame)
        if len(self._piece) >= _PIECE_FRAMES * self._format.frame_bytes:
            self._send_piece()

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said between the two times. Raises ProviderError."""
        answers = self._answers
        if not self._items.committed(end_ms):
            self._commit()
        self._items.begin(onset_ms)
        if not await self._waiting.until(self._items.done, self._patience_s):
            error = self._server.failure(f"no words within {self._patience_s:g} s")
            if self._answers == answers:
                self._socket.fail(error)
            raise error
        try:
            return self._items.transcript()
        except WireError as error:
            raise self._server.failure(str(error)) from error

    async def close(self) -> None:
        """Leave; there is nothing to say. Never raises."""
        self._waiting.fail(self._server.failure("the stream is closed"))
        self._count_rest()
        await self._socket.close()

    def on_message(self, message: str | bytes) -> None:
        """An event of the provider. Raises WireError."""
        self._answers += 1
        event = read_event(message)
        if event["type"] == "error":
            self._take_failure(Failure.of(event))
        else:
            self._take(event)
        self._waiting.wake()

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead."""
        self._waiting.fail(error)
        self._count_rest()
        self._events.on_failed(error)

    def _take(self, event: Mapping[str, Any]) -> None:
        text = self._items.take(event, self._sent_ms)
        if is_transcript(event):
            self._count(event)
        if text and text != self._told:
            self._told = text
            self._events.on_words(Transcript(text, 1.0))

    def _count(self, event: Mapping[str, Any]) -> None:
        length_s = self._items.length_ms(item_id(event)) / 1000
        usage = transcription_usage(event) or Usage(seconds=round(length_s, 3))
        self._by_tokens = not usage.seconds
        self._events.on_usage(usage)

    def _count_rest(self) -> None:
        """What was heard and never told of."""
        rest_ms = self._items.unheard_of_ms + (self._items.uncommitted_ms(self._sent_ms) if self._live else 0)
        if self._answers and rest_ms and not self._by_tokens:
            self._events.on_usage(Usage(seconds=round(rest_ms / 1000, 3), estimated=True))
        self._by_tokens = True

    def _take_failure(self, failure: Failure) -> None:
        if failure.code == _EMPTY_COMMIT:
            self._items.nothing_committed()
        elif failure.fatal:
            self._socket.fail(self._server.failure(failure.text, retryable=failure.retryable))
        else:
            _log.warning("recogniser objects", provider=self._server.name, code=failure.code)

    @property
    def _sent_ms(self) -> float:
        return self._format.ms_in(self._sent)

    def _commit(self) -> None:
        self._send_piece()
        # Less is refused, and holds no word.
        if self._items.uncommitted_ms(self._sent_ms) >= _LEAST_COMMIT_MS:
            self._items.commit(self._sent_ms)
            self._socket.send(COMMIT)

    def _send_piece(self) -> None:
        if self._piece:
            self._socket.send(append(bytes(self._piece)))
            self._sent += len(self._piece)
            self._piece.clear()
