"""ElevenLabs' speech on the wire: what is asked by HTTP and WebSocket, and what comes back. No I/O.

Source: the API reference of multi-stream-input and of stream/with-timestamps, and the typed models of the elevenlabs
package (audio_output_multi, final_output_multi, streaming_audio_chunk_with_timestamps_response). Both clients that
were looked at send context ids back as `contextId`, and have met `context_id`.
"""

import base64
import binascii
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.errors import WireError
from offhook.providers.tts.base import WordTime
from offhook.providers.tts.timing import WrittenWord, spread, written_words

__all__ = [
    "CLOSE_SOCKET",
    "KEEPALIVE",
    "MAX_CONTEXTS",
    "AlignedWords",
    "Alignment",
    "Contexts",
    "JsonLines",
    "Output",
    "Trouble",
    "Voice",
    "format_name",
    "http_output",
    "nearest_format",
    "socket_output",
]

MAX_CONTEXTS = 5
KEEPALIVE = '{"text":""}'
CLOSE_SOCKET = '{"close_socket":true}'
_FORMATS = {
    MULAW_8K: "ulaw_8000",
    ALAW_8K: "alaw_8000",
    PCM_8K: "pcm_8000",
    PCM_16K: "pcm_16000",
    PCM_24K: "pcm_24000",
}
# Others find the language in the text, and refuse to be told.
_TAKE_LANGUAGE = ("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_v3", "eleven_v4")
_SLOWEST, _FASTEST = 0.7, 1.2
_LONGEST_LINE = 16 << 20
_LOOK = 4
_FATAL = frozenset(
    "invalid_api_key missing_permissions needs_authorization quota_exceeded voice_not_found voice_id_does_not_exist "
    "model_not_found invalid_model_id model_access_denied output_format_not_allowed unsupported_language".split()
)


def nearest_format(leg: AudioFormat) -> AudioFormat:
    """What to ask for on a leg that speaks `leg`: just that where it is offered to everybody, else 24 kHz."""
    return leg if leg in _FORMATS else PCM_24K


def format_name(audio_format: AudioFormat) -> str:
    """The wire's name of a format that `nearest_format` gave."""
    return _FORMATS[audio_format]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who is to speak, and how. `language` is a code such as "en" or "en-GB"."""

    id: str
    model: str
    language: str = ""
    stability: float | None = None
    similarity_boost: float | None = None

    def options(self) -> dict[str, str]:
        """Model and language, as the body of a request or the query of a socket has them."""
        language = self.language.partition("-")[0].lower()
        told = {"language_code": language} if language and self.model.startswith(_TAKE_LANGUAGE) else {}
        return {"model_id": self.model, **told}

    def settings(self, speed: float) -> dict[str, Any]:
        """The field `voice_settings`, or nothing where the voice's own settings are wanted."""
        pace = min(_FASTEST, max(_SLOWEST, speed))
        wanted = {
            "stability": self.stability,
            "similarity_boost": self.similarity_boost,
            "speed": None if pace == 1.0 else pace,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return {"voice_settings": given} if given else {}


class Contexts:
    """The contexts of one socket. One counts until the server has called it final, also after we have closed it."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._numbers = itertools.count(1)

    @property
    def room(self) -> bool:
        """Whether one more may be opened."""
        return len(self._open) < MAX_CONTEXTS

    def begin(self) -> str:
        """The id of a new one."""
        context = f"c{next(self._numbers)}"
        self._open.add(context)
        return context

    def ended(self, context: str) -> None:
        """The server has let go of it."""
        self._open.discard(context)

    @staticmethod
    def messages(context: str, text: str, settings: Mapping[str, Any]) -> list[str]:
        """What to send for one clause: open, speak at once, and close, so that its end is told.

        A closed context still speaks what it was told to flush."""
        return [
            _json({"text": " ", "context_id": context, **settings}),
            _json({"text": f"{text.strip()} ", "context_id": context, "flush": True}),
            _json({"context_id": context, "close_context": True}),
        ]


@dataclass(frozen=True, slots=True)
class Alignment:
    """When the characters of a text sound, in ms."""

    chars: tuple[str, ...]
    starts_ms: tuple[float, ...]
    ends_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a context's speech; `final` says that it was the last. Times on a socket count from the beginning of
    the piece, those by HTTP from the beginning of the whole."""

    context: str
    audio: bytes
    alignment: Alignment | None
    final: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the server could not do: in one context, or, where that is empty, on the socket."""

    context: str
    code: str
    message: str

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return self.code not in _FATAL


def socket_output(data: str | bytes) -> Output | Trouble:
    """A message of a socket. Raises WireError."""
    body = _object(data)
    context = str(body.get("contextId") or body.get("context_id") or "")
    if error := body.get("error"):
        return Trouble(context, str(error), str(body.get("message") or error))
    alignment = body.get("alignment")
    return Output(context, _audio(body.get("audio")), _chunk_times(alignment), bool(body.get("isFinal")))


def http_output(line: bytes) -> Output | Trouble:
    """A line of an answer with timestamps. Raises WireError."""
    body = _object(line)
    error = body.get("detail") or body.get("error")
    if isinstance(error, dict):
        return Trouble("", str(error.get("status") or error.get("code") or ""), str(error.get("message") or "failed"))
    if error:
        return Trouble("", "", str(error))
    return Output("", _audio(body.get("audio_base64")), _whole_times(body.get("alignment")), False)


class JsonLines:
    """Lines out of bytes that may be cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The lines that `received` completes. Raises WireError for one beyond 16 MiB."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise WireError("a line of the answer is longer than 16 MiB")
        yield from (line for line in lines if line.strip())

    def end(self) -> Iterator[bytes]:
        """What a server left without a line's end."""
        rest, self._rest = self._rest, b""
        if rest.strip():
            yield rest


class AlignedWords:
    """Times of the words of `text`, from times of its characters.

    Characters that are not those of the text, as in a text that was normalised, are passed over; words that no
    character told of share the time between their neighbours.
    """

    def __init__(self, text: str):
        self._text = text.casefold() if len(text.casefold()) == len(text) else text
        self._waiting = written_words(text)
        self._at = 0
        self._told_ms = 0.0
        self._begun_ms: float | None = None

    def arrived(self, alignment: Alignment | None, offset_ms: float = 0.0) -> tuple[WordTime, ...]:
        """The words that are complete when `alignment`, whose times count from `offset_ms`, has come."""
        if alignment is None:
            return ()
        told: list[WordTime] = []
        for char, start_ms, end_ms in zip(alignment.chars, alignment.starts_ms, alignment.ends_ms, strict=False):
            if self._found(char):
                told += self._place(start_ms + offset_ms, end_ms + offset_ms)
        return tuple(told)

    def ended(self, length_ms: float) -> tuple[WordTime, ...]:
        """The words that are left, when the whole is `length_ms` long."""
        left, self._waiting = self._waiting, []
        return tuple(spread(left, self._told_ms, max(length_ms, self._told_ms)))

    def _found(self, char: str) -> bool:
        """Move behind `char` if it is the next character of the text, or one of the three after that."""
        if not char.strip():
            return False
        at = self._at
        while at < len(self._text) and self._text[at].isspace():
            at += 1
        found = self._text.find(char.casefold(), at, at + _LOOK)
        if found >= 0:
            self._at = found + 1
        return found >= 0

    def _place(self, start_ms: float, end_ms: float) -> Iterator[WordTime]:
        passed = [word for word in self._waiting if word.end < self._at]
        if passed:
            yield from self._tell(passed, start_ms)
            self._begun_ms = None
        self._begun_ms = start_ms if self._begun_ms is None else self._begun_ms
        if self._waiting and self._waiting[0].end == self._at:
            self._told_ms = max(self._told_ms, self._begun_ms)
            yield from self._tell(self._waiting[:1], end_ms)
            self._begun_ms = None

    def _tell(self, words: list[WrittenWord], end_ms: float) -> Iterator[WordTime]:
        end_ms = max(end_ms, self._told_ms)
        yield from spread(words, self._told_ms, end_ms)
        self._waiting = self._waiting[len(words) :]
        self._told_ms = end_ms


def _json(message: Mapping[str, Any]) -> str:
    return orjson.dumps(message).decode()


def _object(data: str | bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("a message is not JSON") from error
    if not isinstance(body, dict):
        raise WireError("a message is not an object")
    return body


def _audio(text: Any) -> bytes:
    try:
        return base64.b64decode(text or b"", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise WireError("audio is not base64") from error


def _chunk_times(alignment: Any) -> Alignment | None:
    chars, starts, lengths = _columns(alignment, "chars", "charStartTimesMs", "charDurationsMs")
    if not chars:
        return None
    ends = tuple(start + length for start, length in zip(starts, lengths, strict=False))
    return Alignment(chars, starts, ends)


def _whole_times(alignment: Any) -> Alignment | None:
    names = ("characters", "character_start_times_seconds", "character_end_times_seconds")
    chars, starts, ends = _columns(alignment, *names)
    return Alignment(chars, tuple(s * 1000 for s in starts), tuple(e * 1000 for e in ends)) if chars else None


def _columns(
    alignment: Any, chars: str, first: str, second: str
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    if not isinstance(alignment, dict):
        return (), (), ()
    columns = [alignment.get(name) or () for name in (chars, first, second)]
    try:
        return tuple(map(str, columns[0])), tuple(map(float, columns[1])), tuple(map(float, columns[2]))
    except (TypeError, ValueError) as error:
        raise WireError("the times of the characters are not numbers") from error
