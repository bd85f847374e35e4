"""What a session at OpenAI used that its events do not tell, since it ended in the middle of an answer. No I/O."""

from collections.abc import Mapping
from typing import Any

from offhook.audio.formats import AudioFormat
from offhook.providers.openai_usage import count
from offhook.providers.usage import Usage, tokens_of

__all__ = ["Unbilled"]

_HEARD_TOKENS_A_SECOND, _SPOKEN_TOKENS_A_SECOND = 10, 20


class Unbilled:
    """Watches the events of one session, whose agent speaks in `wire`.

    An answer reads all that was said before, which mostly comes from the cache, and what the caller said since. Source
    of the rates: OpenAI's guide to the costs of Realtime sessions.
    """

    def __init__(self, wire: AudioFormat) -> None:
        self._wire = wire
        self._answers: set[str] = set()
        self._context = Usage()
        self._onset_ms: int | None = None
        self._heard_ms = 0
        self._spoken_ms = 0.0
        self._written = 0

    def take(self, kind: str, event: Mapping[str, Any]) -> None:
        """An event of the server."""
        match kind:
            case "response.created":
                self._answers.add(_id(event))
            case "response.output_audio.delta":
                self._spoken_ms += self._wire.ms_in(len(str(event.get("delta") or "")) * 3 // 4)
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                self._written += len(str(event.get("delta") or ""))
            case "input_audio_buffer.speech_started":
                self._onset_ms = count(event, "audio_start_ms")
            case "input_audio_buffer.speech_stopped" if self._onset_ms is not None:
                self._heard_ms += max(0, count(event, "audio_end_ms") - self._onset_ms)
                self._onset_ms = None
            case "response.done":
                self._answers.discard(_id(event))

    def billed(self, usage: Usage) -> None:
        """The server told what an answer used."""
        self._context = usage
        self._heard_ms, self._spoken_ms, self._written = 0, 0.0, 0

    def rest(self) -> Usage | None:
        """What the answers under way have used, if there are any. Is asked once, at the end."""
        if not self._answers:
            return None
        self._answers.clear()
        before = self._context
        return Usage(
            text_cached=before.text_in + before.text_cached + before.text_out,
            text_out=tokens_of(self._written),
            audio_in=round(self._heard_ms / 1000 * _HEARD_TOKENS_A_SECOND),
            audio_cached=before.audio_in + before.audio_cached + before.audio_out,
            audio_out=round(self._spoken_ms / 1000 * _SPOKEN_TOKENS_A_SECOND),
            estimated=True,
        )


def _id(event: Mapping[str, Any]) -> str:
    response = event.get("response")
    return str(response.get("id")) if isinstance(response, dict) else ""
