"""When the caller hears the agent: the beginning and the end of its utterances, and how long a turn waited for one."""

from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.stopwatch import Stopwatch
from offhook.calls.track import Track
from offhook.events import AgentSaid, AgentSpeechStarted

__all__ = ["Utterances"]


class Utterances:
    """The agent's utterances of one call, whichever engine made them."""

    def __init__(self, call: CallHandle):
        self._call = call
        self._began_ms: dict[Track, int] = {}
        self.watch = Stopwatch()

    def started(self, track: Track) -> None:
        """The caller begins to hear an utterance."""
        now = self._call.now_ms()
        self._began_ms[track] = now
        self._call.emit(AgentSpeechStarted(self._call.facts.call_id, now))
        measured = self.watch.first_audio(self._call.facts.call_id, now)
        if measured is not None:
            self._call.emit(measured)

    def finished(self, track: Track) -> None:
        """An utterance is over. One that never began, or whose end was told, is passed over."""
        began_ms = self._began_ms.pop(track, None)
        if began_ms is None:
            return
        now = self._call.now_ms()
        text, heard = track.text.strip(), track.heard_text.strip()
        self._call.emit(AgentSaid(self._call.facts.call_id, now, text, heard, began_ms, now, track.interrupted))
