"""What GPT-Live understood of the caller: fragments on the session's clock, which are put together to utterances."""

from itertools import count

from offhook.providers.realtime.base import RealtimeEvents

__all__ = ["LiveHearing"]

_PAUSE_MS = 1_200
_SETTLED_MS = 900


class LiveHearing:
    """Tells `events` of the caller. Times of the session become those of the call's audio by adding `skipped_ms`.

    The words come some time behind the voice. An utterance ends where the agent begins to speak, or with a pause. What
    is said while the agent speaks is told as words alone, as long as it speaks: whether that is an interruption is the
    model's judgement, and it falls silent if so.
    """

    def __init__(self, events: RealtimeEvents) -> None:
        self.skipped_ms = 0
        self._events = events
        self._numbers = count(1)
        self._item = ""
        self._words = ""
        self._start_ms = self._end_ms = 0
        self._came_ms = 0
        self._over_ms: int | None = None
        self._announced = False
        self._answered = False

    @property
    def speaking(self) -> bool:
        """Whether there are words that nobody has answered yet."""
        return bool(self._item) and self._over_ms is None

    def words(self, text: str, start_ms: int, end_ms: int, now_ms: int, *, answered: bool) -> None:
        """A fragment, said between the two times; `answered` if the agent's answer to it is under way already."""
        if not self._belongs(start_ms):
            self.over(now_ms)
            self._item, self._words, self._start_ms = f"caller_{next(self._numbers)}", "", start_ms
            self._over_ms, self._announced, self._answered = None, False, answered
        self._words += text
        self._end_ms = max(end_ms, self._start_ms)
        self._came_ms = now_ms
        self._tell(final=self._over_ms is not None)

    def look(self, now_ms: int, *, agent_speaking: bool) -> bool:
        """See what the time means; true if the caller's turn has just been over."""
        if not self.speaking:
            return False
        if not (self._announced or self._answered or agent_speaking):
            self._announced = True
            self._events.on_speech_started(self._item, self._start_ms + self.skipped_ms)
        return now_ms - self._came_ms >= _SETTLED_MS and self.over(now_ms)

    def over(self, now_ms: int) -> bool:
        """The utterance under way is over, if there is one; true if it was the caller's turn."""
        if not self.speaking:
            return False
        self._over_ms = now_ms
        if self._announced:
            self._events.on_speech_stopped(self._item, self._end_ms + self.skipped_ms)
        self._tell(final=True)
        return self._announced

    def _belongs(self, start_ms: int) -> bool:
        if self._over_ms is not None and start_ms >= self._over_ms:
            return False
        return bool(self._item) and start_ms - self._end_ms <= _PAUSE_MS

    def _tell(self, *, final: bool) -> None:
        if words := self._words.strip():
            self._events.on_caller_said(self._item, words, final=final)
