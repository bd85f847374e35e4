"""One stream of the double of Deepgram's /v1/listen: frames and messages in, messages out, all by the audio's time."""

import re
from collections.abc import Mapping
from typing import Any

from offhook.audio.formats import FRAME_MS
from offhook.simulator.clouds.ears import Ear, HeardWord

__all__ = ["ListenSession"]

_INTERIM_MS = 1_000
_LONGEST_MS = 5_000
_BEYOND_MEASURE_MS = 25_000
_WORTH_FINALIZING_MS = 100
_CHANNELS = [0, 1]
_MODEL = "11111111-1111-4111-8111-111111111111"


class ListenSession:
    """Cuts speech into segments as Deepgram does: at a pause, when asked, and every 5 s, but not in a word."""

    def __init__(self, query: Mapping[str, str], ear: Ear, request_id: str) -> None:
        self._query = query
        self._ear = ear
        self._request_id = request_id
        self._interims = query.get("interim_results") == "true"
        self._endpointing_ms = _number(query.get("endpointing", "10"))
        self._utterance_end_ms = _number(query.get("utterance_end_ms", "false"))
        self._now_ms = 0
        self._start_ms = 0
        self._interim_ms = 0
        self._voiced_ms = 0
        self._speaking = False
        self._last_word_ms: float | None = None

    def opening(self) -> list[dict[str, Any]]:
        """Nothing is said before there is audio."""
        return []

    async def audio(self, frame: bytes) -> list[dict[str, Any]]:
        """The next 20 ms."""
        self._ear.hear(frame)
        self._now_ms += FRAME_MS
        found = self._voiced() if self._ear.voiced else []
        found += await self._results()
        return found + self._utterance_end()

    async def text(self, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A message of the client's."""
        kind = message.get("type")
        if kind == "Finalize":
            worth = self._now_ms - self._start_ms >= _WORTH_FINALIZING_MS
            return [await self._final(from_finalize=True)] if worth else []
        if kind == "KeepAlive":
            return []
        return [{"type": "Error", "variant": "SchemaError", "description": "Could not parse the message"}]

    async def finish(self) -> list[dict[str, Any]]:
        """The client says that this was all."""
        last = [await self._final()] if self._now_ms > self._start_ms else []
        return [*last, self._metadata()]

    def _voiced(self) -> list[dict[str, Any]]:
        self._voiced_ms = self._now_ms
        if self._speaking:
            return []
        self._speaking = True
        if self._query.get("vad_events") != "true":
            return []
        return [{"type": "SpeechStarted", "channel": _CHANNELS, "timestamp": (self._now_ms - FRAME_MS) / 1000}]

    async def _results(self) -> list[dict[str, Any]]:
        if self._paused():
            self._speaking = False
            return [await self._final(speech_final=True)]
        length_ms = self._now_ms - self._start_ms
        if length_ms >= (_BEYOND_MEASURE_MS if self._ear.in_word else _LONGEST_MS):
            return [await self._final()]
        if self._interims and self._now_ms - max(self._interim_ms, self._start_ms) >= _INTERIM_MS:
            self._interim_ms = self._now_ms
            return [self._message(await self._words(final=False))]
        return []

    def _paused(self) -> bool:
        silence_ms = self._now_ms - self._voiced_ms
        return self._speaking and self._endpointing_ms is not None and silence_ms >= max(self._endpointing_ms, FRAME_MS)

    async def _final(self, *, speech_final: bool = False, from_finalize: bool = False) -> dict[str, Any]:
        words = await self._words(final=True)
        message = self._message(words, is_final=True, speech_final=speech_final, from_finalize=from_finalize)
        self._start_ms = self._now_ms
        return message

    async def _words(self, *, final: bool) -> list[HeardWord]:
        words = await self._ear.words(self._start_ms, self._now_ms, final=final)
        if words:
            self._last_word_ms = words[-1].end_ms
        return words

    def _utterance_end(self) -> list[dict[str, Any]]:
        last_ms = self._last_word_ms
        if self._utterance_end_ms is None or last_ms is None or self._ear.voiced:
            return []
        if self._now_ms - max(last_ms, self._voiced_ms) < self._utterance_end_ms:
            return []
        self._last_word_ms = None
        return [{"type": "UtteranceEnd", "channel": _CHANNELS, "last_word_end": last_ms / 1000}]

    def _message(
        self,
        words: list[HeardWord],
        *,
        is_final: bool = False,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> dict[str, Any]:
        return {
            "type": "Results",
            "channel_index": _CHANNELS,
            "start": self._start_ms / 1000,
            "duration": (self._now_ms - self._start_ms) / 1000,
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [self._alternative(words)]},
            "metadata": self._result_metadata(),
        }

    def _alternative(self, words: list[HeardWord]) -> dict[str, Any]:
        punctuated = self._query.get("punctuate") == "true" or self._query.get("smart_format") == "true"
        confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
        text = " ".join(word.text if punctuated else _plain(word.text) for word in words)
        return {"transcript": text, "confidence": confidence, "words": [_word(word, punctuated) for word in words]}

    def _result_metadata(self) -> dict[str, Any]:
        model = {"name": self._query["model"], "version": "2026-01-01.0", "arch": "double"}
        return {"request_id": self._request_id, "model_uuid": _MODEL, "model_info": model}

    def _metadata(self) -> dict[str, Any]:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": "0" * 64,
            "created": "2026-01-01T00:00:00.000Z",
            "duration": self._now_ms / 1000,
            "channels": 1,
        }


def _number(value: str) -> int | None:
    return None if value == "false" else int(value)


def _plain(text: str) -> str:
    return re.sub(r"^\W+|\W+$", "", text).lower()


def _word(word: HeardWord, punctuated: bool) -> dict[str, Any]:
    plain = {
        "word": _plain(word.text),
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        "confidence": word.confidence,
    }
    return {**plain, "punctuated_word": word.text} if punctuated else plain
