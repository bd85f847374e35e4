"""What the caller said, as a session tells it: item by item, some words late, and some never."""

from collections import deque
from dataclasses import dataclass

from offhook.calls.conversation import CallerEntry, Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.kept_audio import KeptAudio
from offhook.events import CallerSaid

__all__ = ["CallerUtterances"]

_MOST_VERDICTS = 4_000
_LONGEST_DOUBT_MS = 10_000


@dataclass(slots=True)
class _Utterance:
    entry: CallerEntry
    onset_ms: int
    end_ms: int
    told: bool = False


class CallerUtterances:
    """The caller's utterances of one call. `onset_ms` is where the first one begins that was neither put into words nor
    answered, None if there is none; the audio since then is in `kept` and the detector's verdicts in `verdicts`, for
    whoever has to hear it again. Each utterance has its place in the conversation when it begins."""

    def __init__(self, call: CallHandle, conversation: Conversation, *, padding_ms: int):
        self._call = call
        self._conversation = conversation
        self._items: dict[str, _Utterance] = {}
        self._sure = False
        self._latest_ms = 0
        self._over_ms = -1
        self.kept = KeptAudio(call.playout.format, padding_ms=padding_ms)
        self.verdicts: deque[tuple[float, int]] = deque(maxlen=_MOST_VERDICTS)
        self.onset_ms: int | None = None
        self.speaking = ""
        """The item that is being said, if the session told that."""

    @property
    def begins_ms(self) -> int:
        """Where the audio begins that a new session has to hear."""
        return self.kept.now_ms if self.onset_ms is None else self.kept.since(self.onset_ms)[0]

    def hear(self, frame: bytes) -> None:
        """20 ms of the caller's audio."""
        self.kept.hear(frame, keep_from_ms=self.onset_ms)

    def judged(self, probability: float, end_ms: int) -> None:
        """A verdict of the voice detector."""
        if self.onset_ms is not None:
            self.verdicts.append((probability, end_ms))

    # What the voice detector tells

    def began(self, onset_ms: int) -> None:
        """A voice was detected."""
        self._latest_ms = onset_ms
        if self.onset_ms is None or (not self._sure and onset_ms - self.onset_ms > _LONGEST_DOUBT_MS):
            self.onset_ms = onset_ms
            self.verdicts.clear()

    def was_noise(self) -> None:
        """It was no speech, unless the session knows better."""
        if not self._sure:
            self.onset_ms = None

    # What the session tells

    def started(self, item_id: str, at_ms: int) -> None:
        """The caller began to speak."""
        if self.onset_ms is None:
            self.began(at_ms)
        self._sure = True
        self.speaking = item_id
        self._item(item_id, at_ms)

    def stopped(self, item_id: str, end_ms: int) -> None:
        """The caller's turn is over; the last voice was at `end_ms`."""
        self.speaking = ""
        self._item(item_id, end_ms).end_ms = end_ms

    def said(self, item_id: str, text: str, *, final: bool) -> None:
        """Words of an item, in place of those before."""
        now = self._call.now_ms()
        item = self._item(item_id, now if self.onset_ms is None else self.onset_ms)
        item.entry.text = text
        if final and item_id == self.speaking:
            self.speaking = ""
        if not final or item.told or not text.strip():
            return
        item.told = True
        end_ms = max(item.onset_ms, item.end_ms)
        self._call.emit(CallerSaid(self._call.facts.call_id, now, text.strip(), item.onset_ms, end_ms, 1.0))
        self._settled(end_ms)

    def turn_over(self) -> None:
        """What was said so far is to be answered."""
        self._over_ms = self._latest_ms

    def answered(self) -> None:
        """The agent answers what was to be answered."""
        self._settled(self._over_ms)

    def gone(self) -> None:
        """The session is dead: the ids of its items mean nothing any more, and what is heard again gets new words."""
        for item in self._items.values():
            if not item.told and self.onset_ms is not None and item.end_ms >= self.onset_ms:
                item.entry.text = ""
        self._items.clear()
        self.speaking = ""

    def _settled(self, onset_ms: int) -> None:
        """What began at `onset_ms`, or before, need not be heard again; what began after it, still."""
        if self.onset_ms is None or self.onset_ms > onset_ms:
            return
        later = self._latest_ms > onset_ms
        self.onset_ms = self._latest_ms if later else None
        self._sure = self._sure and later
        while self.verdicts and (self.onset_ms is None or self.verdicts[0][1] <= self.onset_ms):
            self.verdicts.popleft()

    def _item(self, item_id: str, at_ms: int) -> _Utterance:
        if item_id not in self._items:
            onset_ms = at_ms if self.onset_ms is None else max(self.onset_ms, self._latest_ms)
            self._items[item_id] = _Utterance(self._conversation.caller_speaks(), onset_ms, at_ms)
        return self._items[item_id]
