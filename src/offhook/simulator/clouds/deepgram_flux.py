"""One stream of the double of Deepgram's /v2/listen (Flux), all by the audio's time.

How sure it is of the end of a turn grows with the silence: 1 % every 10 ms.
"""

from collections.abc import Mapping
from typing import Any

from offhook.audio.formats import FRAME_MS
from offhook.simulator.clouds.ears import Ear, HeardWord

__all__ = ["FluxSession"]

_UPDATE_MS = 250
_SURE_MS = 1_000
_SUREST = 0.99


class FluxSession:
    """Takes the turns of one stream."""

    def __init__(self, query: Mapping[str, str], ear: Ear, request_id: str, *, word_times: bool) -> None:
        self._ear = ear
        self._request_id = request_id
        self._word_times = word_times
        self._threshold = float(query.get("eot_threshold", 0.7))
        self._eager = float(query["eager_eot_threshold"]) if "eager_eot_threshold" in query else None
        self._timeout_ms = int(query.get("eot_timeout_ms", 5_000))
        self._sequence = -1
        self._turn = 0
        self._now_ms = 0
        self._update_ms = 0
        self._start_ms = 0
        self._voiced_ms = 0
        self._ongoing = False
        self._early: list[HeardWord] | None = None

    def opening(self) -> list[dict[str, Any]]:
        """It tells that it is there."""
        return [self._numbered({"type": "Connected", "request_id": self._request_id})]

    async def audio(self, frame: bytes) -> list[dict[str, Any]]:
        """The next 20 ms."""
        self._ear.hear(frame)
        self._now_ms += FRAME_MS
        if self._ear.voiced:
            self._voiced_ms = self._now_ms
        return await self._changes() or await self._update()

    async def text(self, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A message of the client's; KeepAlive and Finalize are none of this version."""
        if message.get("type") == "ForceEndTurn":
            # Without a turn there is nothing to end, and no answer.
            await self._begin_turn()
            return [await self._end_turn("manual")] if self._ongoing else []
        description = f"unknown message {message.get('type')}"
        return [self._numbered({"type": "Error", "code": "UNPARSABLE_CLIENT_MESSAGE", "description": description})]

    async def finish(self) -> list[dict[str, Any]]:
        """The client says that this was all."""
        return [await self._end_turn("manual")] if self._ongoing else []

    async def _changes(self) -> list[dict[str, Any]]:
        if not self._ongoing:
            return []
        if self._early is not None and self._ear.voiced:
            self._early = None
            return [self._info("TurnResumed", await self._words(final=False))]
        if self._confidence >= self._threshold and self._threshold < 1:
            return [await self._end_turn("model")]
        if self._now_ms - self._voiced_ms >= self._timeout_ms:
            return [await self._end_turn("timeout")]
        if self._eager and self._early is None and self._confidence >= self._eager:
            self._early = await self._words(final=True)
            return [self._info("EagerEndOfTurn", self._early)]
        return []

    async def _update(self) -> list[dict[str, Any]]:
        if self._now_ms - self._update_ms < _UPDATE_MS:
            return []
        began = await self._begin_turn()
        words = self._early or await self._words(final=False)
        return [self._info("StartOfTurn" if began else "Update", words)]

    async def _begin_turn(self) -> bool:
        began = not self._ongoing and bool(await self._words(final=False))
        self._ongoing = self._ongoing or began
        return began

    async def _end_turn(self, trigger: str) -> dict[str, Any]:
        words = await self._words(final=True) if self._early is None else self._early
        message = {**self._info("EndOfTurn", words), "trigger": trigger}
        self._turn += 1
        self._start_ms = self._now_ms
        self._ongoing, self._early = False, None
        return message

    async def _words(self, *, final: bool) -> list[HeardWord]:
        return await self._ear.words(self._start_ms, self._now_ms, final=final)

    @property
    def _confidence(self) -> float:
        return min(_SUREST, (self._now_ms - self._voiced_ms) / _SURE_MS) if self._ongoing else 0.0

    def _info(self, event: str, words: list[HeardWord]) -> dict[str, Any]:
        self._update_ms = self._now_ms
        info = {
            "type": "TurnInfo",
            "request_id": self._request_id,
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": self._start_ms / 1000,
            "audio_window_end": self._now_ms / 1000,
            "transcript": " ".join(word.text for word in words),
            "words": [self._word(word) for word in words],
            "end_of_turn_confidence": self._confidence,
        }
        return self._numbered(info)

    def _word(self, word: HeardWord) -> dict[str, Any]:
        plain = {"word": word.text, "confidence": word.confidence}
        return {**plain, "start": word.start_ms / 1000, "end": word.end_ms / 1000} if self._word_times else plain

    def _numbered(self, message: dict[str, Any]) -> dict[str, Any]:
        self._sequence += 1
        return {**message, "sequence_id": self._sequence}
