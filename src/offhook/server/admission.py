"""Who takes a call, and who is turned away: the limits of the server, of each agent and of each caller."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from offhook.calls.leg import CallOrigin
from offhook.config import Settings
from offhook.events import EndReason
from offhook.server.caller_numbers import caller_key
from offhook.server.caller_window import CallerWindow

__all__ = ["Admission", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not taken: why, by which setting, and what its caller hears; nothing if `line` is empty."""

    reason: EndReason
    limit: str
    line: str


class Admission:
    """Knows the limits. `now` is in seconds. Whoever asks counts the calls in progress;
    those of a number are counted here."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic):
        limits = settings.limits
        self._settings = settings
        self._now = now
        self._window = CallerWindow(limits.calls_per_caller, limits.caller_window_s)
        self._allowed = {caller_key(number) for number in limits.caller_allow}

    def judge(
        self, agent: str, origin: CallOrigin, call: str, in_progress: Mapping[str, int], *, full: bool
    ) -> str | Refusal:
        """Who takes a `call`, the carrier's id of it, for `agent`, while agents have so many calls `in_progress`."""
        if self.too_often(origin, call):
            return Refusal(EndReason.CALLER_LIMIT, "limits.calls_per_caller", self._settings.limits.caller_line)
        if full:
            return self._busy(agent, "limits.max_calls")
        taker = self.taker(agent, in_progress)
        if taker is None:
            return self._busy(agent, f"agents.{agent}.max_calls")
        if caller := self._counted(origin):
            self._window.count(caller, call, self._now())
        return taker

    def taker(self, agent: str, in_progress: Mapping[str, int]) -> str | None:
        """The agent, or who answers in its place while it has as many calls as it takes; None if nobody does."""
        asked: list[str] = []
        while agent and agent not in asked:
            if self.takes(agent, in_progress):
                return agent
            asked.append(agent)
            agent = self._settings.agents[agent].busy_agent
        return None

    def takes(self, agent: str, in_progress: Mapping[str, int]) -> bool:
        """Whether an agent itself takes one more call."""
        most = self._settings.agents[agent].max_calls
        return not most or in_progress.get(agent, 0) < most

    def too_often(self, origin: CallOrigin, call: str) -> bool:
        """Whether a caller has called too often to be taken now."""
        caller = self._counted(origin)
        return bool(caller) and self._window.full(caller, call, self._now())

    def _busy(self, agent: str, limit: str) -> Refusal:
        line = self._settings.agents[agent].busy_line or self._settings.limits.busy_line
        return Refusal(EndReason.BUSY, limit, line)

    def _counted(self, origin: CallOrigin) -> str:
        """The caller whose calls are counted. Nobody's are who withholds the number: all of them would be one."""
        if not self._settings.limits.calls_per_caller or origin.direction == "outbound":
            return ""
        caller = caller_key(origin.from_number)
        return "" if caller in self._allowed else caller
