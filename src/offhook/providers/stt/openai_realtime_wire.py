"""OpenAI's Realtime API in sessions of type transcription: the events, and which words belong to which commit.

Source: developers.openai.com, "Realtime transcription" and the reference of Realtime events, in the shapes of 2026.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum
from typing import Any

import orjson

from offhook.audio.formats import AudioFormat
from offhook.errors import WireError
from offhook.providers.openai_events import SESSION_UPDATE, item_id, media_type
from offhook.providers.stt.base import Transcript

__all__ = ["Items", "is_transcript", "session_update"]

_TRANSCRIPTION = "conversation.item.input_audio_transcription."
_TAKES_KEYWORDS = ("gpt-live-transcribe", "gpt-transcribe")
_LONG_AGO_MS = 1_500


def session_update(
    model: str,
    language: str,
    format: AudioFormat,  # noqa: A002
    keyterms: Sequence[str],
    among: Sequence[str] = (),
) -> str:
    """The event that makes it a session of ours: audio in `format`, and turns that we end ourselves. With `among` any
    language may be spoken, and these are expected."""
    transcription: dict[str, Any] = {"model": model}
    if not among:
        transcription["language"] = language
    elif model.startswith(_TAKES_KEYWORDS):
        transcription["languages"] = list(among)
    if keyterms and model.startswith(_TAKES_KEYWORDS):
        transcription["keywords"] = list(keyterms)
    heard = {"format": media_type(format), "transcription": transcription, "turn_detection": None}
    session = {"type": "transcription", "audio": {"input": heard}}
    return orjson.dumps({"type": "session.update", "event_id": SESSION_UPDATE, "session": session}).decode()


def is_transcript(event: Mapping[str, Any]) -> bool:
    """Whether an event brings all words of an item."""
    return bool(event["type"] == f"{_TRANSCRIPTION}completed")


@dataclass(slots=True)
class _Item:
    """A stretch of audio that was committed, by ms of the audio sent."""

    start_ms: float
    end_ms: float
    id: str = ""
    text: str = ""
    confidence: float = 1.0
    done: bool = False
    problem: str = ""


class Items:
    """The stretches of one stream and their words.

    The API gives words no times: an utterance is all that was committed for it, and for no other before.
    """

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._open: dict[str, str] = {}
        self._open_since_ms = 0.0
        self._committed_ms = 0.0
        self._onset_ms: int | None = None
        self._first = 0
        self._given = 0

    def uncommitted_ms(self, heard_ms: float) -> float:
        """How much of the audio sent belongs to no item."""
        return heard_ms - self._committed_ms

    def length_ms(self, item_id: str) -> float:
        """The length of an item; 0 for an unknown one."""
        return sum(item.end_ms - item.start_ms for item in self._items if item.id == item_id)

    @property
    def unheard_of_ms(self) -> float:
        """The length of what was committed and has no words yet."""
        return sum(item.end_ms - item.start_ms for item in self._items if not item.done)

    def committed(self, end_ms: float) -> bool:
        """Whether all audio up to `end_ms` belongs to an item."""
        return self._committed_ms >= end_ms

    def commit(self, heard_ms: float) -> None:
        """All audio up to `heard_ms` was committed."""
        self._items.append(_Item(self._committed_ms, heard_ms))
        self._committed_ms = heard_ms

    def begin(self, onset_ms: int) -> None:
        """An utterance that began at `onset_ms` is asked for: what others were given does not belong to it."""
        if onset_ms != self._onset_ms:
            self._onset_ms = onset_ms
            since = (index for index, item in enumerate(self._items) if item.end_ms > onset_ms)
            self._first = max(next(since, len(self._items)), self._given)

    def done(self) -> bool:
        """Whether all stretches of the utterance have their words."""
        return all(item.done for item in self._items[self._first :])

    def transcript(self) -> Transcript:
        """The words of the utterance. Raises WireError where the provider failed at one of its stretches."""
        items = self._items[self._first :]
        if failed := next((item for item in items if item.problem), None):
            raise WireError(failed.problem)
        self._given = len(self._items)
        spoken = [item for item in items if item.text.strip()]
        if not spoken:
            return Transcript("", 0.0)
        confidence = fsum(item.confidence for item in spoken) / len(spoken)
        return Transcript(" ".join(item.text.strip() for item in spoken), confidence)

    def take(self, event: Mapping[str, Any], heard_ms: float) -> str:
        """Take an event in, after `heard_ms` of audio. Gives the words of the utterance so far if it brought some."""
        kind = event["type"]
        if kind == "input_audio_buffer.committed":
            self._name(item_id(event))
        elif kind == f"{_TRANSCRIPTION}delta":
            return self._take_delta(item_id(event), str(event.get("delta") or ""), heard_ms)
        elif kind == f"{_TRANSCRIPTION}completed":
            self._complete(event)
        elif kind == f"{_TRANSCRIPTION}failed":
            item = self._item(item_id(event))
            item.done, item.problem = True, _problem(event)
        return ""

    def nothing_committed(self) -> None:
        """The provider found nothing in the oldest commit that has no name yet."""
        if item := self._nameless():
            item.done = True

    def _name(self, item_id: str) -> None:
        item = self._nameless()
        if item is None:
            raise WireError("a commit that was not asked for")
        item.id = item_id
        item.text = self._open.pop(item_id, "")

    def _nameless(self) -> _Item | None:
        return next((item for item in self._items if not item.id and not item.done), None)

    def _take_delta(self, item_id: str, delta: str, heard_ms: float) -> str:
        if item := next((item for item in self._items if item.id == item_id), None):
            if not item.done:
                item.text += delta
            return self._so_far()
        if item_id not in self._open:
            self._open = {item_id: ""}
            self._open_since_ms = heard_ms
        self._open[item_id] += delta
        return self._so_far()

    def _so_far(self) -> str:
        open_text = " ".join(self._open.values())
        # Words that come long after the last commit are another utterance's, of whose onset we were not told yet.
        resumed = not open_text or self._open_since_ms - self._committed_ms < _LONG_AGO_MS
        texts = [item.text for item in self._items[self._first :]] if resumed else []
        return " ".join(text.strip() for text in [*texts, open_text] if text.strip())

    def _complete(self, event: Mapping[str, Any]) -> None:
        item = self._item(item_id(event))
        item.text = str(event.get("transcript") or "").strip()
        item.confidence = _confidence(event.get("logprobs"))
        item.done = True

    def _item(self, item_id: str) -> _Item:
        # Some servers complete an item without having named it before.
        found = next((item for item in self._items if item.id == item_id), None) or self._nameless()
        if found is None:
            raise WireError("words of an item that was not committed")
        found.id = item_id
        return found


def _problem(event: Mapping[str, Any]) -> str:
    error = event.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return str(message or "transcription failed")


def _confidence(logprobs: object) -> float:
    """Mean probability of the tokens, where the provider tells; it is sure of itself where it does not."""
    if not isinstance(logprobs, list) or not logprobs:
        return 1.0
    try:
        return min(1.0, exp(fsum(token["logprob"] for token in logprobs) / len(logprobs)))
    except (KeyError, TypeError) as error:
        raise WireError("log probabilities without what they should have") from error
