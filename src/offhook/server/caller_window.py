"""How often each number called in the time that has just passed. In memory, and forgotten with the process."""

from collections import OrderedDict, deque

__all__ = ["CallerWindow"]

_MOST_CALLERS = 10_000


class CallerWindow:
    """Counts the calls of a caller within `window_s` seconds, of which there may be `most`. Times are seconds of any
    clock that does not go back. Of very many callers, those who have not called for longest are forgotten first."""

    def __init__(self, most: int, window_s: float, *, most_callers: int = _MOST_CALLERS):
        self._most = most
        self._window_s = window_s
        self._most_callers = most_callers
        self._calls: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def full(self, caller: str, call: str, now: float) -> bool:
        """Whether a further call is one too many; one that was counted already is not."""
        calls = self._recent(caller, now)
        return len(calls) >= self._most and call not in {each for _, each in calls}

    def count(self, caller: str, call: str, now: float) -> None:
        """A call was taken. The same call counts once."""
        calls = self._recent(caller, now)
        if call not in {each for _, each in calls}:
            calls.append((now, call))
        self._calls[caller] = calls
        self._calls.move_to_end(caller)
        if len(self._calls) > self._most_callers:
            self._calls.popitem(last=False)

    def _recent(self, caller: str, now: float) -> deque[tuple[float, str]]:
        calls = self._calls.get(caller, deque())
        while calls and calls[0][0] <= now - self._window_s:
            calls.popleft()
        return calls
