"""What a caller waits for between the end of a turn and the agent's first sound."""

from offhook.events import TurnMeasured

__all__ = ["Stopwatch"]


class Stopwatch:
    """Collects the times of one turn, in ms of the call's clock."""

    def __init__(self) -> None:
        self._transcript_ms = 0
        self._first_text_ms: int | None = None
        self._end_of_speech_ms: int | None = None
        self._endpoint_ms = 0

    def transcribed(self, now_ms: int) -> None:
        """A transcript of the turn so far is there."""
        self._transcript_ms = now_ms

    def turn_ended(self, end_of_speech_ms: int, now_ms: int) -> None:
        """The turn was found to be over; its last voice was at `end_of_speech_ms`."""
        self._end_of_speech_ms = end_of_speech_ms
        self._endpoint_ms = now_ms
        self._first_text_ms = None

    def first_text(self, now_ms: int) -> None:
        """The responder wrote, perhaps before the turn was over; only the first time of a turn counts."""
        if self._first_text_ms is None:
            self._first_text_ms = now_ms

    def first_audio(self, call_id: str, now_ms: int) -> TurnMeasured | None:
        """The first sound left: the measured turn, or None if the sound answers no turn."""
        if self._end_of_speech_ms is None or self._first_text_ms is None:
            return None
        end, self._end_of_speech_ms = self._end_of_speech_ms, None
        return TurnMeasured(
            call_id,
            now_ms,
            end_of_speech_ms=end,
            transcript_ms=max(0, self._transcript_ms - end),
            endpoint_ms=self._endpoint_ms - end,
            first_text_ms=self._first_text_ms - end,
            tts_ms=now_ms - max(self._first_text_ms, self._endpoint_ms),
            first_audio_ms=now_ms - end,
        )
