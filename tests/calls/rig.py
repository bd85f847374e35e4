"""A call with everything around it made of paper: scripted ears, mouth and brain, and time that the test moves."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import FRAME_MS, PCM_8K, AudioFormat
from offhook.calls.call import Call
from offhook.calls.clock import MediaClock
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.pipeline import Pipeline, PipelineParts
from offhook.calls.leg import CallControl, CallOrigin, LegEvents
from offhook.calls.speaker import Phrases
from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.voice_detection import VoiceDetection
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import CallEvent, EndReason
from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolSpec
from offhook.providers.llm.failover import FailoverFactory
from offhook.providers.standby import Standby, Watched
from offhook.providers.stt.base import StreamEvents, Transcript
from offhook.providers.tts.base import SpeechChunk, Synthesizer, WordTime
from offhook.providers.tts.failover import FailoverSynthesizer
from offhook.providers.usage import OnUsage, not_counted
from offhook.providers.vad.base import VadState

MS_A_WORD = 200
VOICE = np.full(160, 8000, dtype="<i2").tobytes()
_E = TypeVar("_E", bound=CallEvent)
_T = TypeVar("_T")


class PaperLeg:
    """A leg that keeps what was sent, and what the caller heard of it.

    With a lead its carrier plays one frame a `beat` from a buffer. `marks` says what becomes of marks: "played" are
    told when they were played and vanish at a clear, "returned" are told and come back at a clear, "lost" are never
    told. After a clear the leg is not ready for `deaf_beats`.
    """

    carrier = "paper"
    carrier_call_id = "carrier-1"
    peer = "192.0.2.1:5060"
    origin = CallOrigin()
    control: CallControl | None = None

    def __init__(
        self,
        audio_format: AudioFormat = PCM_8K,
        *,
        lead_ms: int = 0,
        marks: Literal["played", "returned", "lost"] = "played",
        deaf_beats: int = 0,
    ) -> None:
        self.format = audio_format
        self.lead_ms = lead_ms
        self.marks = marks
        self.deaf_beats = deaf_beats
        self.wire: list[str] = []
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self.buffer: deque[bytes | str] = deque()
        self.on_played: Callable[[str], None] = self._tell
        self.events: LegEvents | None = None
        self.closed: list[EndReason] = []
        self._deaf = 0

    @property
    def ready(self) -> bool:
        return self._deaf == 0

    @property
    def unheard(self) -> int:
        """Frames in the carrier's buffer."""
        return sum(isinstance(each, bytes) for each in self.buffer)

    def attach(self, events: LegEvents) -> None:
        self.events = events

    def send(self, frame: bytes) -> None:
        assert self.ready
        self.sent.append(frame)
        self.wire.append("frame")
        if self.lead_ms:
            self.buffer.append(frame)
        else:
            self.heard.append(frame)

    def mark(self, name: str) -> None:
        assert self.ready
        self.wire.append(name)
        self.buffer.append(name)

    def clear(self) -> None:
        self.wire.append("clear")
        void = [each for each in self.buffer if isinstance(each, str)]
        self.buffer.clear()
        self._deaf = self.deaf_beats
        if self.marks == "returned":
            for name in void:
                self.on_played(name)

    def beat(self) -> None:
        """20 ms pass at a carrier with a buffer: it plays a frame of it, and tells the marks behind that."""
        if not self.lead_ms:
            return
        self._deaf = max(0, self._deaf - 1)
        frame = self._next()
        self.heard.append(self.format.silence if frame is None else frame)
        while self.buffer and isinstance(self.buffer[0], str):
            self._played(str(self.buffer.popleft()))

    def _next(self) -> bytes | None:
        while self.buffer:
            each = self.buffer.popleft()
            if isinstance(each, bytes):
                return each
            self._played(each)
        return None

    def _played(self, name: str) -> None:
        if self.marks != "lost":
            self.on_played(name)

    def _tell(self, name: str) -> None:
        if self.events is not None:
            self.events.on_played(name)

    async def close(self, reason: EndReason) -> None:
        self.closed.append(reason)


class Stall:
    """In a script: from here on nothing comes any more."""


STALL = Stall()


async def _until_cancelled() -> None:
    await asyncio.Event().wait()


class Checked:
    """A provider whose check passes, or fails as the test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unwell: ProviderError | None = None
        self.checks = 0
        self.warmed = 0

    async def warm_up(self) -> None:
        self.warmed += 1

    async def check(self) -> None:
        self.checks += 1
        if self.unwell is not None:
            raise self.unwell

    async def close(self) -> None:
        pass


class Ears:
    """A recogniser that hears what the test wrote down, in order."""

    def __init__(self, name: str = "ears") -> None:
        self.name = name
        self.texts: list[str | ProviderError | Stall | Transcript] = []
        self.heard_s: list[float] = []
        self.languages: list[str] = []

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        self.heard_s.append(len(audio) / 16_000)
        self.languages.append(language)
        return await _heard(self.texts)


class LongEars(Checked):
    """A recogniser that listens along: its streams hear what the test wrote down in `texts`, in order."""

    def __init__(self, name: str = "long ears", *, words_every_ms: int | None = 0) -> None:
        super().__init__(name)
        self.words_every_ms = words_every_ms
        self.texts: list[str | ProviderError | Stall | Transcript] = []
        self.streams: list[PaperStream] = []
        self.languages: list[tuple[str, ...]] = []

    def open(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        language: str,
        events: StreamEvents,
        among: Sequence[str] = (),
    ) -> "PaperStream":
        self.languages.append((language, *among))
        self.streams.append(PaperStream(self, format, events))
        return self.streams[-1]


class PaperStream:
    """What one call gave to long ears. The test speaks through `events`."""

    def __init__(self, ears: LongEars, audio_format: AudioFormat, events: StreamEvents) -> None:
        self.ears = ears
        self.format = audio_format
        self.events = events
        self.frames: list[bytes] = []
        self.asked: list[tuple[int, int]] = []
        self.closed = False

    @property
    def voiced_ms(self) -> int:
        """How much of what it heard is voice."""
        return sum(FRAME_MS for frame in self.frames if frame != self.format.silence)

    def hear(self, frame: bytes) -> None:
        assert not self.closed
        self.frames.append(frame)

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        self.asked.append((onset_ms, end_ms))
        return await _heard(self.ears.texts)

    async def close(self) -> None:
        self.closed = True

    def fail(self, problem: str = "the stream broke") -> None:
        self.events.on_failed(ProviderError(problem, provider=self.ears.name, retryable=True))


async def _heard(texts: list[Any]) -> Transcript:
    text = texts.pop(0) if texts else ""
    if isinstance(text, Transcript):
        return text
    if isinstance(text, Stall):
        await _until_cancelled()
    if isinstance(text, ProviderError):
        raise text
    return Transcript(str(text), 0.9)


class Mouth(Checked):
    """A synthesiser that takes 200 ms for each word and says when. `after` is how many words it speaks before it
    fails, or stalls; its sound has `level`."""

    def __init__(self, name: str = "mouth", *, level: int = 1000) -> None:
        super().__init__(name)
        self.level = level
        self.asked: list[str] = []
        self.formats: list[AudioFormat] = []
        self.fails: ProviderError | Stall | None = None
        self.after = 0

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002 - as the contract names it
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        self.asked.append(text)
        self.formats.append(format)
        start = 0
        for index, word in enumerate(text.split()):
            if index >= self.after:
                await self._break()
            start = text.index(word, start)
            time = WordTime(start, start + len(word), index * MS_A_WORD, (index + 1) * MS_A_WORD)
            yield SpeechChunk(np.full(MS_A_WORD * 8, self.level + index, dtype="<i2").tobytes(), PCM_8K, (time,))
            start += len(word)

    async def _break(self) -> None:
        if isinstance(self.fails, Stall):
            await _until_cancelled()
        if isinstance(self.fails, ProviderError):
            raise self.fails


class Loud:
    """A detector to which any sound is voice."""

    rate = 8_000
    chunk_samples = 256

    def new_state(self) -> VadState:
        return object()

    def step(self, chunks: NDArray[np.float32], states: Sequence[VadState]) -> NDArray[np.float32]:
        loud: NDArray[np.float32] = (np.abs(chunks).mean(axis=1) > 0.01).astype(np.float32)
        return loud


Answer = Sequence[Piece | str | Exception | Stall] | str | Exception | Stall


class Brain(Checked):
    """A responder that answers with what the test wrote down; an entry may fail or stall, also after some pieces."""

    scripted = False

    def __init__(self, answers: Iterable[Answer] = (), name: str = "brain") -> None:
        super().__init__(name)
        self.answers = list(answers)
        self.asked: list[list[Message]] = []
        self.instructions: list[str] = []
        self.opened: list[CallFacts] = []
        self.offered: list[list[str]] = []
        self.hurry = asyncio.Event()
        self.hurry.set()
        self.stopped = 0
        self.closed = 0

    def open(self, call: CallFacts, on_usage: OnUsage = not_counted) -> "Brain":
        self.on_usage = on_usage
        self.opened.append(call)
        return self

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[Piece]:
        self.asked.append(list(messages))
        self.offered.append([tool.name for tool in tools])
        answer = self.answers.pop(0) if self.answers else "I have nothing to say."
        try:
            await self.hurry.wait()
            for piece in answer if isinstance(answer, Sequence) and not isinstance(answer, str) else [answer]:
                if isinstance(piece, Stall):
                    await _until_cancelled()
                elif isinstance(piece, Exception):
                    raise piece
                else:
                    yield TextDelta(piece) if isinstance(piece, str) else piece
        except (asyncio.CancelledError, GeneratorExit):
            self.stopped += 1
            raise

    def instruct(self, instructions: str) -> None:
        self.instructions.append(instructions)

    async def close(self) -> None:
        self.closed += 1


@dataclass
class PaperTool(Tool):
    """A tool that notes its arguments."""

    spec: ToolSpec
    result: Any = None
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    rules: ToolRules = field(default_factory=ToolRules)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        self.seen.append(arguments)
        return self.result


class AtOnce(ThreadPoolExecutor):
    """Does the work where it is asked for: threads would not wait for a test's time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def freeze(seconds: Callable[[], float]) -> None:
    """Let the running event loop live in the time of a test."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    loop.time = lambda: begin + seconds()  # type: ignore[method-assign]
    loop.set_default_executor(AtOnce())


class PaperTime:
    """The event loop's time, which passes only where nothing else happens."""

    def __init__(self) -> None:
        self.seconds = 0.0
        freeze(lambda: self.seconds)

    async def through(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do `work`, letting time pass as it waits."""
        task = asyncio.get_running_loop().create_task(work)
        while not task.done():
            for _ in range(30):
                await asyncio.sleep(0)
            self.seconds += 0.01
        return await task


def standby(*providers: Any) -> Standby[Any]:
    """Providers in order, each checked by its own check if it has one."""
    return Standby([watched(provider) for provider in providers])


def watched(provider: Any) -> Watched[Any]:
    """One of them; its pauses are as long as they may be."""
    if isinstance(provider, Checked):
        return Watched(provider, provider.name, check=provider.check, jitter=lambda: 1.0)
    return Watched(provider, provider.name, jitter=lambda: 1.0)


def phrases_of(*mouths: Synthesizer) -> Phrases:
    """Phrases of voices that stand in for each other."""
    return Phrases(FailoverSynthesizer(standby(*mouths)))


class Rig:
    """One call under test. `run` lets call time pass; `speak` is the caller."""

    def __init__(
        self,
        data_dir: Path,
        *,
        answers: Iterable[Answer] = (),
        agent: AgentSettings | None = None,
        tools: tuple[Tool, ...] = (),
        leg: PaperLeg | None = None,
        variables: Mapping[str, str] | None = None,
        ears: Sequence[Ears | LongEars] = (),
        mouths: Sequence[Mouth] = (),
        brains: Sequence[Brain] = (),
    ) -> None:
        self.time = 0.0
        freeze(lambda: self.time)
        self.clock = MediaClock(now=lambda: self.time)
        self.events: list[CallEvent] = []
        self.ears, self.mouth, self.brain = Ears(), Mouth(), Brain(answers)
        self.leg = leg or PaperLeg()
        self.agent = agent or AgentSettings(greeting="Hello there.")
        self.detection = VoiceDetection(Loud())
        self.clock.after(self.detection.step)
        self.hearing = standby(*(ears or [self.ears]))
        self.thinking = standby(*(brains or [self.brain]))
        self.speaking = standby(*(mouths or [self.mouth]))
        self.phrases = Phrases(FailoverSynthesizer(self.speaking))
        self.parts = PipelineParts(self.agent, self.hearing, self.phrases, FailoverFactory(self.thinking), tools)
        now: Callable[[], datetime] = lambda: datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # noqa: E731
        self.call = Call(
            self.leg,
            CallFacts("call-1", "reception", "", now(), variables=variables or {}),
            clock=self.clock,
            sink=self.events.append,
            tool_context=ToolContext("call-1", "", data_dir, now),
            voice_detection=self.detection,
            longest_s=self.agent.silence.max_duration_s,
            longest_line=self.agent.silence.max_duration_line,
        )
        self.pipeline: Pipeline | None = None

    def answer(self) -> "Rig":
        self.call.answer(self._engine)
        return self

    def _engine(self, handle: CallHandle) -> Engine:
        self.pipeline = Pipeline(handle, self.parts)
        return self.pipeline

    async def run(self, ms: int, frame: bytes | None = None) -> None:
        """Let `ms` pass while the caller sends `frame` every 20 ms (silence if not given)."""
        for _ in range(ms // FRAME_MS):
            if not self.leg.closed and self.leg.events is not None:
                self.leg.events.on_audio(frame or self.leg.format.silence)
            self.time += FRAME_MS / 1000
            self.leg.beat()
            self.clock.catch_up()
            await self._settle()

    async def _settle(self) -> None:
        await asyncio.sleep(0)
        while self.detection.busy:
            time.sleep(0.0002)  # noqa: ASYNC251 - a thread works, and the loop's own time stands still
            await asyncio.sleep(0)
        for _ in range(30):
            await asyncio.sleep(0)

    async def speak(self, text: str, ms: int = 600, then: int = 800) -> None:
        """The caller speaks for `ms`, is heard to say `text`, and is silent for `then`."""
        self.ears.texts.append(text)
        await self.run(ms, VOICE)
        await self.run(then)

    async def until_quiet(self, longest_ms: int = 20_000) -> None:
        """Let the agent speak to its end."""
        for _ in range(longest_ms // 100):
            await self.run(100)
            if not any(frame != self.leg.format.silence for frame in self.leg.heard[-5:]):
                return

    def all(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]

    def said(self) -> list[str]:
        """What reached the caller, utterance by utterance."""
        from offhook.events import AgentSaid

        return [event.heard for event in self.all(AgentSaid)]
