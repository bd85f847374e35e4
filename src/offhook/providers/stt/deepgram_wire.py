"""Deepgram's streaming API v1 (wss /v1/listen): the query, the messages, and what they say put together.

Source: developers.deepgram.com, "Live Audio", "Endpointing", "Utterance End", "Finalize", "Audio Keep Alive".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from offhook.audio.formats import AudioFormat, Encoding
from offhook.config import SttSettings
from offhook.config.languages import language_code
from offhook.errors import WireError
from offhook.providers.stt.base import StreamEvents, Transcript
from offhook.providers.stt.timeline import Segment, TimedWord, Timeline

__all__ = [
    "CLOSE_STREAM",
    "ENCODINGS",
    "FINALIZE",
    "KEEP_ALIVE",
    "Hearing",
    "Results",
    "UtteranceEnd",
    "listen_query",
    "read_duration",
    "read_message",
    "read_object",
    "read_words",
]

KEEP_ALIVE = '{"type":"KeepAlive"}'
FINALIZE = '{"type":"Finalize"}'
CLOSE_STREAM = '{"type":"CloseStream"}'
ENCODINGS = {Encoding.PCM16: "linear16", Encoding.MULAW: "mulaw", Encoding.ALAW: "alaw"}

_ANY = "multi"
_KNOWN = frozenset(("de", "en", "es", "fr", "hi", "it", "ja", "nl", "pt", "ru"))
"""The languages of which nova-3 knows any, whichever is spoken; nova-2 knows two of them."""
_KNOWN_BEFORE = frozenset(("en", "es"))
_ROUNDING_MS = 200
"""How much less than was sent the answer to a Finalize may cover."""


@dataclass(frozen=True, slots=True)
class Results:
    """A transcript of the stream from `start_ms` to `end_ms`."""

    segment: Segment
    start_ms: float
    end_ms: float
    is_final: bool
    speech_final: bool
    from_finalize: bool


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """No word came for as long as `utterance_end_ms` says."""


def listen_query(
    settings: SttSettings,
    model: str,
    format: AudioFormat,  # noqa: A002
    language: str,
    among: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """The parameters of /v1/listen for audio in `format`, and `language`, or any of those in `among`."""
    # Older models know weighted keywords instead of key terms.
    term = "keyterm" if model.startswith("nova-3") else "keywords"
    return [
        ("model", model),
        ("language", _ANY if among and set(among) <= _any_of(model) else language),
        ("encoding", ENCODINGS[format.encoding]),
        ("sample_rate", str(format.rate)),
        ("channels", "1"),
        ("punctuate", "true"),
        ("interim_results", "true"),
        ("vad_events", "true"),
        ("endpointing", str(settings.endpointing_ms)),
        ("utterance_end_ms", str(settings.utterance_end_ms)),
        *((term, keyterm) for keyterm in settings.keyterms),
    ]


def _any_of(model: str) -> frozenset[str]:
    if model.startswith("nova-3"):
        return _KNOWN
    return _KNOWN_BEFORE if model.startswith("nova-2") else frozenset()


def read_message(data: str | bytes) -> Results | UtteranceEnd | None:
    """What a message says; None for those that need no answer. Raises WireError, also for the message Error."""
    message = read_object(data)
    kind = message.get("type")
    if kind == "Results":
        return _results(message)
    if kind == "UtteranceEnd":
        return UtteranceEnd()
    if kind == "Error":
        raise WireError(f"{message.get('variant') or message.get('code')}: {message.get('description')}")
    return None


def read_duration(data: str | bytes) -> float | None:
    """How many seconds of audio the stream had, which Deepgram tells, and bills, at its end. Raises WireError."""
    message = read_object(data)
    seconds = message.get("duration") if message.get("type") == "Metadata" else None
    return float(seconds) if isinstance(seconds, int | float) else None


def read_object(data: str | bytes) -> Mapping[str, Any]:
    """A JSON object. Raises WireError."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("a message that is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message that is no object")
    return message


def read_words(items: object, text: str, around_ms: tuple[float, float], confidence: float) -> tuple[TimedWord, ...]:
    """The words of a transcript with their times, or the whole as one word where there are none. Raises WireError."""
    if not isinstance(items, list):
        raise WireError("words that are no list")
    if not items:
        return (TimedWord(text, *around_ms, confidence),) if text else ()
    return tuple(_word(item, around_ms) for item in items)


def _results(message: Mapping[str, Any]) -> Results:
    try:
        start_ms = float(message["start"]) * 1000
        end_ms = start_ms + float(message["duration"]) * 1000
        best = message["channel"]["alternatives"][0]
        text, confidence = str(best["transcript"]).strip(), float(best.get("confidence", 0))
        words = read_words(best.get("words", []), text, (start_ms, end_ms), confidence) if text else ()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"Results without what they should have ({error!r})") from error
    flags = (message.get(name) is True for name in ("is_final", "speech_final", "from_finalize"))
    return Results(Segment(text, words), start_ms, end_ms, *flags)


def _word(item: Mapping[str, Any], around_ms: tuple[float, float]) -> TimedWord:
    try:
        text = str(item.get("punctuated_word") or item["word"])
        start_ms, end_ms = (_ms(item.get(name), usual) for name, usual in zip(("start", "end"), around_ms, strict=True))
        language = language_code(str(item.get("language") or ""))
        return TimedWord(text, start_ms, end_ms, float(item.get("confidence", 0)), language)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"a word without what it should have ({error!r})") from error


def _ms(seconds: float | None, usual_ms: float) -> float:
    return usual_ms if seconds is None else float(seconds) * 1000


class Hearing:
    """Puts together what one stream says. Times are ms of the audio sent."""

    def __init__(self, events: StreamEvents) -> None:
        self._events = events
        self._timeline = Timeline()
        self._interim: Segment | None = None
        self._interim_ms = 0.0
        self._final_ms = 0.0
        self._flushed_ms = float("-inf")
        self._told = ""

    def take(self, message: Results | UtteranceEnd | None) -> None:
        """Take a message in, and tell what it brings."""
        if isinstance(message, Results):
            self._take_results(message)
        elif isinstance(message, UtteranceEnd):
            self._end_turn()

    def settled(self, end_ms: int) -> bool:
        """Whether the words up to `end_ms` are final."""
        return self._final_ms >= end_ms or self._flushed_ms >= end_ms - _ROUNDING_MS

    def covered(self, end_ms: int) -> bool:
        """Whether there are words up to `end_ms`, final or not."""
        return max(self._final_ms, self._interim_ms) >= end_ms

    def transcript(self, onset_ms: int, end_ms: int) -> Transcript:
        """The utterance between the two times, as far as it is known."""
        return self._timeline.between(onset_ms, end_ms, None if self.settled(end_ms) else self._interim)

    def _take_results(self, results: Results) -> None:
        if results.is_final:
            self._take_final(results)
        else:
            self._interim, self._interim_ms = results.segment, results.end_ms
        self._tell_words()
        # A Finalize is our own doing: its answer is no judgement of the turn.
        if results.is_final and results.speech_final and not results.from_finalize:
            self._end_turn()

    def _take_final(self, results: Results) -> None:
        self._interim = None
        self._final_ms = max(self._final_ms, results.end_ms)
        if results.from_finalize:
            self._flushed_ms = max(self._flushed_ms, results.end_ms)
        self._timeline.add(results.segment)

    def _tell_words(self) -> None:
        words = self._timeline.pending(self._interim)
        if words.text and words.text != self._told:
            self._told = words.text
            self._events.on_words(words)

    def _end_turn(self) -> None:
        self._told = ""
        if text := self._timeline.end_turn():
            self._events.on_turn("over", text)
