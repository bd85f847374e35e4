"""A call answered by speech-to-speech sessions of paper: the test says what they tell, and sees what they are asked."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from offhook.audio.formats import AudioFormat
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.realtime import Realtime, RealtimeParts
from offhook.calls.engines.stand_in import RealtimeWithStandIn
from offhook.calls.tools.base import Tool
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.events import BargeIn
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.realtime.base import RealtimeEvents, RealtimeProvider, TurnDetection
from offhook.providers.standby import Standby, Watched
from tests.calls.rig import MS_A_WORD, VOICE, Checked, Rig

__all__ = ["PaperProvider", "PaperSession", "SessionRig"]

STALL_MS = RealtimeSettings().stall_limit_ms


class PaperProvider(Checked):
    """Opens sessions that do what the test says; `ready` ones are there as soon as they are opened."""

    def __init__(self, name: str = "paper") -> None:
        super().__init__(name)
        self.ready = True
        self.exhausted = 0.0
        self.sessions: list[PaperSession] = []
        self.opened: list[CallFacts] = []

    def open(
        self,
        call: CallFacts,
        *,
        leg: AudioFormat,
        tools: Sequence[ToolSpec],
        history: Sequence[Message],
        events: RealtimeEvents,
    ) -> "PaperSession":
        self.opened.append(call)
        self.sessions.append(PaperSession(self, leg, tools, history, events))
        return self.sessions[-1]

    @property
    def last(self) -> "PaperSession":
        return self.sessions[-1]


class PaperSession:
    """What one call asked of a session. `asked` has everything but the caller's audio, in order."""

    def __init__(
        self,
        provider: PaperProvider,
        leg: AudioFormat,
        tools: Sequence[ToolSpec],
        history: Sequence[Message],
        events: RealtimeEvents,
    ) -> None:
        self.provider = provider
        self.leg = leg
        self.tools = [tool.name for tool in tools]
        self.history = list(history)
        self.events = events
        self.frames: list[bytes] = []
        self.asked: list[tuple[Any, ...]] = []
        self.instructions: list[str] = []
        self.updates: list[tuple[str | None, list[str] | None, TurnDetection | None, str | None]] = []
        self.ready = False
        self.closed = 0

    def hear(self, frame: bytes) -> None:
        self.frames.append(frame)

    def heard(self, item_id: str, ms: float) -> None:
        self.asked.append(("heard", item_id, ms))

    def cancel(self) -> None:
        self.asked.append(("cancel",))

    def end_turn(self) -> None:
        self.asked.append(("end_turn",))

    def say(self, instructions: str) -> None:
        self.asked.append(("say", instructions))

    def user_text(self, text: str) -> None:
        self.asked.append(("user_text", text))

    def tool_result(self, call_id: str, result: str, *, answer: bool = True) -> None:
        self.asked.append(("tool_result", call_id, result, answer))

    def update(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        tools: Sequence[ToolSpec] | None = None,
        turns: TurnDetection | None = None,
        language: str | None = None,
    ) -> None:
        if instructions is not None:
            self.instructions.append(instructions)
        self.updates.append((voice, None if tools is None else [tool.name for tool in tools], turns, language))
        self.asked.append(("update", turns))

    async def close(self) -> None:
        self.closed += 1

    # What the test lets it tell

    @property
    def voiced_ms(self) -> int:
        """How much of what it heard is voice."""
        return sum(20 for frame in self.frames if frame == VOICE)

    def said(self) -> list[str]:
        """What it was told to say."""
        return [each[1] for each in self.asked if each[0] == "say"]

    def heard_of(self) -> dict[str, float]:
        """How much it was told that the caller heard, of each item."""
        return {each[1]: each[2] for each in self.asked if each[0] == "heard"}

    def sound(self, item_id: str, ms: int, level: int = 1_000) -> None:
        """More sound of an item."""
        self.events.on_audio(item_id, np.full(ms * self.leg.rate // 1000, level, dtype="<i2").tobytes())

    def speak(self, item_id: str, text: str, *, over: bool = True) -> None:
        """An item of 200 ms a word, and the end of the answer if it is `over`."""
        self.events.on_agent_text(item_id, text, False)
        self.sound(item_id, MS_A_WORD * len(text.split()))
        self.events.on_item_done(item_id)
        if over:
            self.events.on_response_done("completed", "")

    def fail(self, problem: str = "the session broke", *, retryable: bool = True) -> None:
        self.events.on_failed(ProviderError(problem, provider=self.provider.name, retryable=retryable))


class SessionRig(Rig):
    """A call whose engine is sessions; `fallback` is whether the pipeline stands by."""

    def __init__(
        self,
        folder: Path,
        *providers: PaperProvider,
        fallback: bool = False,
        tools: tuple[Tool, ...] = (),
        **others: Any,
    ) -> None:
        super().__init__(folder, tools=tools, **others)
        self.providers = providers or (PaperProvider(),)
        self.watched: list[Watched[RealtimeProvider]] = [
            Watched(
                each,
                each.name,
                check=each.check,
                jitter=lambda: 1.0,
                stall_ms=STALL_MS,
                exhausted=partial(getattr, each, "exhausted"),
            )
            for each in self.providers
        ]
        self.fallback = fallback
        self.realtime_parts = RealtimeParts(self.agent, Standby(self.watched), tools, self.parts if fallback else None)
        self._turns = 0

    def _engine(self, handle: CallHandle) -> Engine:
        if self.fallback:
            return RealtimeWithStandIn(handle, self.realtime_parts, self.parts)
        return Realtime(handle, self.realtime_parts)

    @property
    def session(self) -> PaperSession:
        """The newest session of the first provider."""
        return self.providers[0].last

    async def _settle(self) -> None:
        await super()._settle()
        for provider in self.providers:
            for session in provider.sessions:
                if provider.ready and not session.ready:
                    session.ready = True
                    session.events.on_ready()

    async def greeted(self, text: str = "Hello there.") -> "SessionRig":
        """Answered, and greeted to the end."""
        self.answer()
        await self.run(40)
        self.session.speak("greeting", text)
        await self.until_quiet()
        return self

    async def ask(self, text: str, *, ms: int = 600, session: PaperSession | None = None) -> str:
        """The caller says `text`, which the session hears and writes down; returns the id of the caller's item."""
        at = session or self.session
        self._turns += 1
        item_id = f"caller {self._turns}"
        await self.run(100, VOICE)
        at.events.on_speech_started(item_id, self.call.now_ms - 100)
        await self.run(ms - 100, VOICE)
        await self.run(500)
        at.events.on_speech_stopped(item_id, self.call.now_ms - 500)
        if text:
            at.events.on_caller_said(item_id, text, True)
        return item_id

    def barge_in(self) -> BargeIn:
        [barge_in] = self.all(BargeIn)
        return barge_in
