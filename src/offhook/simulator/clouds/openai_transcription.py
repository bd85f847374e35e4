"""One transcription session of the double of OpenAI's Realtime API, which ends turns when the client says so."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from offhook.audio.formats import FRAME_MS, PCM_24K, AudioFormat
from offhook.simulator.clouds.ears import Ear, EarFactory, HeardWord
from offhook.simulator.clouds.lines import Framer
from offhook.simulator.clouds.openai_session import FORMATS, Wrong, check_format, check_known, decoded_audio

__all__ = ["TranscriptionSession"]

_STREAMING = ("gpt-live-transcribe", "gpt-realtime-whisper")
_KEYWORDS = ("gpt-live-transcribe", "gpt-transcribe")
_DELTA_MS = 200
_LEAST_MS = 100
_KNOWN: Mapping[str, frozenset[str]] = {
    "session": frozenset({"type", "audio", "include"}),
    "session.audio": frozenset({"input"}),
    "session.audio.input": frozenset({"format", "noise_reduction", "transcription", "turn_detection"}),
    "session.audio.input.transcription": frozenset({"model", "language", "languages", "keywords", "prompt", "delay"}),
}


class TranscriptionSession:
    """Hears what is appended, and writes down what is committed; live models tell words before that."""

    def __init__(self, ears: EarFactory, number: int) -> None:
        self._ears = ears
        self._id = f"sess_{number}"
        self._input: dict[str, Any] = {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": None,
        }
        self._framer = Framer(PCM_24K)
        self._ear: Ear | None = None
        self._now_ms = 0
        self._start_ms = 0
        self._delta_ms = 0
        self._item = 1
        self._told = ""

    def opening(self) -> dict[str, Any]:
        """The event that greets."""
        return {"type": "session.created", "session": self._session()}

    async def handle(self, event: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """What an event of the client brings."""
        try:
            async for answer in self._handle(event):
                yield answer
        except Wrong as wrong:
            yield {"type": "error", "error": {**wrong.error, "event_id": event.get("event_id")}}

    async def _handle(self, event: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        kind = event.get("type")
        if kind == "session.update":
            self._update(event.get("session"))
            yield {"type": "session.updated", "session": self._session()}
        elif kind == "input_audio_buffer.append":
            async for delta in self._append(event.get("audio")):
                yield delta
        elif kind == "input_audio_buffer.commit":
            async for answer in self._commit():
                yield answer
        elif kind == "input_audio_buffer.clear":
            self._start_ms, self._told = self._now_ms, ""
            yield {"type": "input_audio_buffer.cleared"}
        else:
            raise Wrong(f"Invalid value: '{kind}'.", "invalid_value", "type")

    def _update(self, session: object) -> None:
        if not isinstance(session, dict) or "type" not in session:
            raise Wrong("Missing required parameter: 'session.type'.", "missing_required_parameter", "session.type")
        if session["type"] != "transcription":
            raise Wrong("The type of a session cannot be changed.", "invalid_value", "session.type")
        check_known(session, _KNOWN)
        changes = (session.get("audio") or {}).get("input") or {}
        format_now = None if self._ear is None else self._format
        check_format(changes.get("format", self._input["format"]), "session.audio.input.format", format_now)
        merged = {**self._input, **changes}
        _check_turns(merged)
        self._input = merged
        if self._ear is None:
            self._framer = Framer(self._format)

    async def _append(self, audio: object) -> AsyncIterator[dict[str, Any]]:
        for frame in self._framer.cut(decoded_audio(audio)):
            self._hearing().hear(frame)
            self._now_ms += FRAME_MS
            if self._is_live and self._now_ms - self._delta_ms >= _DELTA_MS:
                self._delta_ms = self._now_ms
                for delta in self._deltas(await self._words(final=False)):
                    yield delta

    async def _commit(self) -> AsyncIterator[dict[str, Any]]:
        if self._now_ms - self._start_ms < _LEAST_MS:
            text = "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio."
            raise Wrong(text, "input_audio_buffer_commit_empty")
        previous = {"previous_item_id": f"item_{self._item - 1}" if self._item > 1 else None}
        yield {"type": "input_audio_buffer.committed", "item_id": self._item_id, **previous}
        for kind in ("conversation.item.added", "conversation.item.done"):
            yield {"type": kind, "item": self._message(), **previous}
        if self._input["transcription"]:
            async for answer in self._transcribed():
                yield answer
        self._item += 1
        self._start_ms, self._told = self._now_ms, ""

    async def _transcribed(self) -> AsyncIterator[dict[str, Any]]:
        words = await self._words(final=True)
        for delta in self._deltas(words):
            yield delta
        seconds = (self._now_ms - self._start_ms) / 1000
        yield {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": self._item_id,
            "content_index": 0,
            "transcript": " ".join(word.text for word in words),
            "usage": {"type": "duration", "seconds": seconds},
        }

    def _deltas(self, words: list[HeardWord]) -> Iterator[dict[str, Any]]:
        text = "".join(f" {word.text}" for word in words)
        # What was told stays told: a better guess waits for the whole.
        if text != self._told and text.startswith(self._told):
            delta = text.removeprefix(self._told)
            self._told = text
            yield {
                "type": "conversation.item.input_audio_transcription.delta",
                "item_id": self._item_id,
                "content_index": 0,
                "delta": delta,
            }

    async def _words(self, *, final: bool) -> list[HeardWord]:
        return await self._hearing().words(self._start_ms, self._now_ms, final=final)

    def _hearing(self) -> Ear:
        if self._ear is None:
            self._ear = self._ears(self._format, (self._input["transcription"] or {}).get("language") or "en")
        return self._ear

    @property
    def _format(self) -> AudioFormat:
        return FORMATS[self._input["format"]["type"]]

    @property
    def _is_live(self) -> bool:
        return (self._input["transcription"] or {}).get("model") in _STREAMING

    @property
    def _item_id(self) -> str:
        return f"item_{self._item}"

    def _message(self) -> dict[str, Any]:
        content = [{"type": "input_audio", "transcript": None}]
        fixed = {"object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        return {"id": self._item_id, **fixed, "content": content}

    def _session(self) -> dict[str, Any]:
        fixed = {"object": "realtime.transcription_session", "type": "transcription", "expires_at": 0, "include": None}
        return {"id": self._id, **fixed, "audio": {"input": self._input}}


def _check_turns(changed: Mapping[str, Any]) -> None:
    param = "session.audio.input"
    transcription = changed["transcription"] or {}
    if changed["transcription"] is not None and "model" not in transcription:
        raise Wrong("Missing the model.", "missing_required_parameter", f"{param}.transcription.model")
    if changed["turn_detection"] is not None:
        text = "Turn detection is not supported for this transcription model."
        raise Wrong(text, "invalid_value", f"{param}.turn_detection")
    if "keywords" in transcription and not str(transcription["model"]).startswith(_KEYWORDS):
        raise Wrong("This model takes no keywords.", "invalid_value", f"{param}.transcription.keywords")
