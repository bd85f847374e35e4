"""What a carrier with a buffer of its own was given and has not yet played, as far as its marks and the beat tell."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from offhook.audio.formats import FRAME_MS

__all__ = ["MARK_PATIENCE_MS", "InFlight"]

MARK_PATIENCE_MS = 1_000
_MOST_MISSED = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    """A frame, or a mark with its name, sent at beat `sent`; `item` is returned when it was heard."""

    item: T
    sent: int
    name: str = ""


class InFlight(Generic[T]):
    """Frames and marks in the order in which they were sent.

    The carrier plays one frame a beat. A frame with a mark behind it counts as heard when the mark is confirmed, not
    before, and so does all that follows. A mark whose audio should have been over for `MARK_PATIENCE_MS` is given up,
    and what would have been played meanwhile counts as played. After two in a row nobody waits for marks any more,
    until one is confirmed within the same patience after all.
    """

    def __init__(self) -> None:
        self._line: deque[_Entry[T]] = deque()
        self._late: dict[str, int] = {}
        self._beats = 0
        self._owed = 0
        self._missed = 0
        self._patience = MARK_PATIENCE_MS // FRAME_MS
        self.unheard = 0
        self.given_up = 0

    @property
    def trusts(self) -> bool:
        """Whether marks are waited for."""
        return self._missed < _MOST_MISSED

    def send(self, item: T) -> None:
        """A frame was sent."""
        self._line.append(_Entry(item, self._beats))
        self.unheard += 1

    def mark(self, name: str, item: T) -> None:
        """A mark was sent, behind the frames so far. `name` is not empty and never used again."""
        self._line.append(_Entry(item, self._beats, name))

    def beat(self) -> list[T]:
        """20 ms have passed: the items of what counts as heard by now, marks that nobody waits for among them."""
        self._beats += 1
        self._owed += 1
        self._expire()
        heard: list[T] = []
        while self._line:
            # Nothing is played before it was sent, however long a mark has held up what came before it.
            self._owed = min(self._owed, self._beats - self._line[0].sent)
            mark = self._awaited()
            if mark is not None and self._owed > self._patience:
                heard += self._give_up(mark)
            elif mark is None and (self._owed > 0 or self._line[0].name):
                heard.append(self._pass())
            else:
                break
        return heard

    def confirm(self, name: str) -> list[T]:
        """The caller has heard all up to the mark `name`: the items of what did not count as heard before. Names that
        are unknown, void or already confirmed are passed over."""
        mark = next((entry for entry in self._line if entry.name == name), None) if name else None
        if mark is None and name not in self._late:
            return []
        heard: list[T] = []
        if mark is not None:
            heard = self._through(mark)
            # The next frame begins between two beats, and is over only after the second.
            self._owed = -1
        self._late.clear()
        self._missed = 0
        return heard

    def clear(self) -> None:
        """The carrier drops what it has not played; marks that were sent mean nothing any more."""
        self._line.clear()
        self._late.clear()
        self._owed = 0
        self.unheard = 0

    def _awaited(self) -> _Entry[T] | None:
        """The mark that must be confirmed before the next frame counts as heard."""
        if not self.trusts:
            return None
        return next((entry for entry in islice(self._line, 2) if entry.name), None)

    def _pass(self) -> T:
        entry = self._line.popleft()
        if entry.name:
            self._late[entry.name] = self._beats + self._patience
        else:
            self.unheard -= 1
            self._owed = max(0, self._owed - 1)
        return entry.item

    def _through(self, mark: _Entry[T]) -> list[T]:
        heard = []
        while self._line[0] is not mark:
            heard.append(self._pass())
        return [*heard, self._line.popleft().item]

    def _give_up(self, mark: _Entry[T]) -> list[T]:
        self._missed += 1
        self.given_up += 1
        return self._through(mark)

    def _expire(self) -> None:
        for name in [name for name, until in self._late.items() if until < self._beats]:
            del self._late[name]
            self.given_up += 1
