"""Turn detection of the double of OpenAI's Realtime API, in the time of the caller's audio."""

from collections.abc import Mapping
from typing import Any, Literal

from offhook.audio.formats import FRAME_MS

__all__ = ["TurnDetector", "TurnEvent"]

TurnEvent = Literal["started", "maybe stopped", "stopped", "idle"]
_LONGEST_MS = {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}
_SEMANTIC_MS = 300


class TurnDetector:
    """Follows one stream. `settings` is the session's `turn_detection`, None for none."""

    def __init__(self, settings: Mapping[str, Any] | None) -> None:
        self.settings = settings
        self.now_ms = 0
        self.start_ms = 0
        self.speaking = False
        self._silent_since_ms = 0
        self._idle_from_ms: int | None = None

    def hear(self, voiced: bool) -> TurnEvent | None:
        """Another 20 ms; `voiced` tells whether there is a voice at its end."""
        self.now_ms += FRAME_MS
        if self.settings is None:
            return None
        if voiced:
            self._silent_since_ms = self.now_ms
            return self._start()
        return self._stop() if self.speaking else self._idle()

    def answered(self, playing_ms: float) -> None:
        """An answer was given that goes on playing for so long."""
        self._idle_from_ms = self.now_ms + int(playing_ms)

    def stop(self) -> None:
        """The turn is over."""
        self.speaking = False

    @property
    def idle_from_ms(self) -> int:
        """Since when nobody has spoken."""
        return self._idle_from_ms or 0

    def _start(self) -> TurnEvent | None:
        self._idle_from_ms = None
        if self.speaking:
            return None
        self.speaking = True
        self.start_ms = max(0, self.now_ms - FRAME_MS - self._setting("prefix_padding_ms", 300))
        return "started"

    def _stop(self) -> TurnEvent | None:
        silence_ms = self.now_ms - self._silent_since_ms
        if self._setting("type", "") == "server_vad":
            return "stopped" if silence_ms >= self._setting("silence_duration_ms", 500) else None
        if silence_ms >= _LONGEST_MS[self._setting("eagerness", "auto")]:
            return "stopped"
        return "maybe stopped" if silence_ms == _SEMANTIC_MS else None

    def _idle(self) -> TurnEvent | None:
        timeout_ms = self._setting("idle_timeout_ms", None)
        if timeout_ms is None or self._idle_from_ms is None or self.now_ms - self._idle_from_ms < timeout_ms:
            return None
        return "idle"

    def _setting(self, name: str, default: Any) -> Any:
        value = (self.settings or {}).get(name)
        return default if value is None else value
