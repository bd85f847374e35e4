"""What the agent says in a session, item by item: its audio on the way to the leg, and how much of it there is."""

from offhook.audio.formats import AudioFormat
from offhook.providers.realtime.item_audio import ItemAudio
from offhook.providers.realtime.openai_wire import delete, truncate

__all__ = ["AgentItem"]


class AgentItem:
    """One item, whose audio comes in `wire` and leaves in `leg`."""

    def __init__(self, item_id: str, wire: AudioFormat, leg: AudioFormat) -> None:
        self.id = item_id
        self.text = ""
        self.done = False
        self.cut = False
        self._audio = ItemAudio(wire, leg)

    @property
    def generated_ms(self) -> int:
        """How much audio the provider made, cut to whole milliseconds."""
        return self._audio.received_ms

    def take(self, audio: bytes) -> bytes:
        """More audio; gives what can be played now."""
        return self._audio.take(audio)

    def finish(self) -> bytes:
        """There is no more audio; gives the rest, filled up with silence."""
        self.done = True
        return self._audio.finish()

    def heard(self, ms: float) -> str:
        """The event that tells how much was heard; empty where all was, or where it was told before."""
        if self.cut or (self.done and ms >= self.generated_ms):
            return ""
        self.cut = True
        # More than was made is refused, and what was played last may have been filled up with silence.
        kept_ms = min(int(ms), self.generated_ms)
        return truncate(self.id, kept_ms) if kept_ms > 0 else delete(self.id)
