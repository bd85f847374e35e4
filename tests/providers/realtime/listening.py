"""What tests of speech-to-speech sessions share: somebody who writes down what a session tells."""

from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.errors import ProviderError
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeSession, ResponseStatus, Usage


class Told:
    """Writes down what a session tells: the order of it in `events`, repetitions taken together."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.ready = 0
        self.signs = 0
        self.expiring: list[float] = []
        self.started: list[tuple[str, int]] = []
        self.stopped: list[tuple[str, int]] = []
        self.said: list[tuple[str, str, bool]] = []
        self.audio: dict[str, bytes] = {}
        self.text: dict[str, str] = {}
        self.done: list[str] = []
        self.calls: list[ToolCall] = []
        self.responses: list[tuple[ResponseStatus, str]] = []
        self.interrupted = 0
        self.usage: list[Usage] = []
        self.errors: list[ProviderError] = []

    def on_ready(self) -> None:
        self._note("ready")
        self.ready += 1

    def on_sign(self) -> None:
        self.signs += 1

    def on_expiring(self, within_s: float) -> None:
        self._note("expiring")
        self.expiring.append(within_s)

    def on_speech_started(self, item_id: str, audio_ms: int) -> None:
        self._note("started")
        self.started.append((item_id, audio_ms))

    def on_speech_stopped(self, item_id: str, audio_ms: int) -> None:
        self._note("stopped")
        self.stopped.append((item_id, audio_ms))

    def on_caller_said(self, item_id: str, text: str, final: bool) -> None:
        self.said.append((item_id, text, final))

    def on_audio(self, item_id: str, audio: bytes) -> None:
        self._note("audio")
        self.audio[item_id] = self.audio.get(item_id, b"") + audio

    def on_agent_text(self, item_id: str, text: str, whole: bool) -> None:
        self.text[item_id] = text if whole else self.text.get(item_id, "") + text

    def on_item_done(self, item_id: str) -> None:
        self._note("item done")
        self.done.append(item_id)

    def on_tool_call(self, call: ToolCall) -> None:
        self._note("call")
        self.calls.append(call)

    def on_response_done(self, status: ResponseStatus, detail: str) -> None:
        self._note("response done")
        self.responses.append((status, detail))

    def on_interrupted(self) -> None:
        self._note("interrupted")
        self.interrupted += 1

    def on_usage(self, usage: Usage) -> None:
        self.usage.append(usage)

    def on_failed(self, error: ProviderError) -> None:
        self._note("failed")
        self.errors.append(error)

    def _note(self, event: str) -> None:
        if self.events[-1:] != [event]:
            self.events.append(event)


def speak(session: RealtimeSession, leg: AudioFormat, ms: int) -> None:
    """So much silence, in which scripted ears hear their script."""
    for _ in range(ms // FRAME_MS):
        session.hear(leg.silence)
