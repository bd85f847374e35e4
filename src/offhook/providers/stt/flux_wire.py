"""Deepgram Flux, streaming API v2 (wss /v2/listen): the query, the messages, and what they say put together.

Source: developers.deepgram.com, "Flux": "State machine", "Configuration", "Force End Turn".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.audio.formats import AudioFormat
from offhook.config import SttSettings
from offhook.config.languages import language_code
from offhook.errors import WireError
from offhook.providers.stt.base import StreamEvents, Transcript, TurnSign
from offhook.providers.stt.deepgram_wire import ENCODINGS, read_object
from offhook.providers.stt.timeline import Segment, TimedWord, Timeline

__all__ = ["FORCE_END_TURN", "FluxHearing", "TurnInfo", "flux_query", "read_turn_info"]

FORCE_END_TURN = '{"type":"ForceEndTurn"}'

_SIGNS: Mapping[str, TurnSign] = {"EagerEndOfTurn": "early", "TurnResumed": "resumed", "EndOfTurn": "over"}
_SETTLING_MS = 160
"""How far beyond the end of speech the model has to have heard before its words count."""
_WORD_MS = 250


@dataclass(frozen=True, slots=True)
class FluxWord:
    """A word of a turn; its times, in ms of the stream, are known to some models only."""

    text: str
    confidence: float
    start_ms: float | None
    end_ms: float | None


@dataclass(frozen=True, slots=True)
class TurnInfo:
    """The state of one turn, after the audio up to `heard_ms`. `language` is empty where there are several."""

    event: str
    turn: int
    text: str
    words: tuple[FluxWord, ...]
    heard_ms: float
    trigger: str
    language: str = ""


def flux_query(
    settings: SttSettings,
    model: str,
    format: AudioFormat,  # noqa: A002
    language: str,
    among: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """The parameters of /v2/listen for audio in `format`, and `language`, or any of those in `among`."""
    hints = [("language_hint", each) for each in among or (language,)] if model.endswith("-multi") else []
    return [
        ("model", model),
        ("encoding", ENCODINGS[format.encoding]),
        ("sample_rate", str(format.rate)),
        ("eot_threshold", f"{settings.eot_threshold:g}"),
        ("eager_eot_threshold", f"{settings.eager_eot_threshold:g}"),
        ("eot_timeout_ms", str(settings.eot_timeout_ms)),
        *hints,
        *(("keyterm", keyterm) for keyterm in settings.keyterms),
    ]


def read_turn_info(data: str | bytes) -> TurnInfo | None:
    """What a message says of the turn; None where it says nothing. Raises WireError, also for the message Error."""
    message = read_object(data)
    kind = message.get("type")
    if kind == "Error":
        raise WireError(f"{message.get('code')}: {message.get('description')}")
    return _turn_info(message) if kind == "TurnInfo" else None


def _turn_info(message: Mapping[str, Any]) -> TurnInfo:
    try:
        text = str(message["transcript"]).strip()
        return TurnInfo(
            str(message["event"]),
            int(message["turn_index"]),
            text,
            tuple(_word(item) for item in message["words"] or _bare_words(text)),
            float(message["audio_window_end"]) * 1000,
            str(message.get("trigger")),
            _only_language(message.get("languages")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError(f"a TurnInfo without what it should have ({error!r})") from error


def _only_language(told: object) -> str:
    return language_code(str(told[0])) if isinstance(told, list) and len(told) == 1 else ""


def _bare_words(text: str) -> list[dict[str, Any]]:
    return [{"word": word, "confidence": 1.0} for word in text.split()]


def _word(item: Mapping[str, Any]) -> FluxWord:
    start, end = (None if item.get(name) is None else float(item[name]) * 1000 for name in ("start", "end"))
    return FluxWord(str(item["word"]), float(item["confidence"]), start, end)


class FluxHearing:
    """Puts together what one stream says. Times are ms of the audio sent."""

    def __init__(self, events: StreamEvents) -> None:
        self._events = events
        self._timeline = Timeline()
        self._turn = -1
        self._current: Segment | None = None
        self._seen_ms: list[float] = []
        self._heard_ms = 0.0
        self._ended_ms = 0.0
        self._told = ""

    def take(self, info: TurnInfo | None) -> None:
        """Take a message in, and tell what it brings."""
        if info is None:
            return
        if info.turn != self._turn:
            self._turn, self._seen_ms, self._told = info.turn, [], ""
        self._heard_ms = info.heard_ms
        self._current = Segment(info.text, self._timed(info))
        if info.event == "EndOfTurn":
            self._end_turn(info)
        elif info.event in _SIGNS:
            self._events.on_turn(_SIGNS[info.event], self._timeline.pending(self._current).text)
        else:
            self._tell_words()

    def settled(self, end_ms: int) -> bool:
        """Whether the words up to `end_ms` are known."""
        return self._heard_ms >= end_ms + _SETTLING_MS or self._ended_ms >= end_ms

    def covered(self, end_ms: int) -> bool:
        """Whether there are words up to `end_ms` that may still change."""
        return self._heard_ms >= end_ms

    def transcript(self, onset_ms: int, end_ms: int) -> Transcript:
        """The utterance between the two times, as far as it is known."""
        return self._timeline.between(onset_ms, end_ms, self._current)

    def _timed(self, info: TurnInfo) -> tuple[TimedWord, ...]:
        # A word without times was said about when it first showed up.
        del self._seen_ms[len(info.words) :]
        self._seen_ms += [info.heard_ms] * (len(info.words) - len(self._seen_ms))
        return tuple(
            TimedWord(
                word.text,
                seen_ms - _WORD_MS if word.start_ms is None else word.start_ms,
                seen_ms if word.end_ms is None else word.end_ms,
                word.confidence,
                info.language,
            )
            for word, seen_ms in zip(info.words, self._seen_ms, strict=True)
        )

    def _end_turn(self, info: TurnInfo) -> None:
        self._ended_ms = info.heard_ms
        if self._current:
            self._timeline.add(self._current)
        self._current = None
        text = self._timeline.end_turn()
        # The end of a turn that we forced is no judgement of it.
        if text and info.trigger != "manual":
            self._events.on_turn("over", text)

    def _tell_words(self) -> None:
        words = self._timeline.pending(self._current)
        if words.text and words.text != self._told:
            self._told = words.text
            self._events.on_words(words)
