"""What the caller does, step after step: generators that yield once for each 20 ms. No clock of their own."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from offhook.simulator.clips import Clip
from offhook.simulator.ear import Utterance
from offhook.simulator.mouth import Speech
from offhook.simulator.phone import Phone
from offhook.simulator.phrases import contains
from offhook.simulator.scenario import Scenario
from offhook.simulator.steps import (
    Backchannel,
    Cough,
    Dtmf,
    ExpectHangup,
    HangUp,
    Interrupt,
    Mumble,
    Play,
    Say,
    Silence,
    Step,
    WaitForAgent,
)

__all__ = ["CallerLine", "Note", "Script"]

STOPPED_MS = 400
"""Silence of the agent, after an interruption, that is no pause between two sentences."""

SETTLED_MS = 800
"""Agent audio this long after a cough or backchannel shows that it was not taken for an interruption."""

STOP_PATIENCE_S = 4.0

Waiting = Generator[None, None, bool]


@dataclass(slots=True)
class Note:
    """What came of one step. Times are milliseconds; `problem` says why the step could not be done."""

    number: int
    step: Step
    heard: list[Utterance] = field(default_factory=list)
    reply_ms: float | None = None
    stop_ms: float | None = None
    resumed: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CallerLine:
    """Something the caller did on the timeline. `takes_turn` where an answer is due."""

    text: str
    begin: int
    end: int
    takes_turn: bool


class Script:
    """Performs a scenario on a phone. Advance `run()` once before each tick of the phone until it ends.

    `notes` and `lines` fill up on the way. Without `knows_words`, nobody transcribes, and waiting for words is
    waiting for the end of speech.
    """

    def __init__(
        self,
        scenario: Scenario,
        clips: Sequence[Clip | None],
        phone: Phone,
        *,
        knows_words: bool = True,
        on_line: Callable[[CallerLine], None] = lambda _: None,
    ):
        self.notes: list[Note] = []
        self.lines: list[CallerLine] = []
        self._steps = tuple(zip(scenario.steps, clips, strict=True))
        self._phone = phone
        self._knows_words = knows_words
        self._on_line = on_line
        self._attended = -1

    def run(self) -> Iterator[None]:
        """Do all the steps; stop at the first that cannot be done. The caller hangs up at the end."""
        for number, (step, clip) in enumerate(self._steps, 1):
            note = Note(number, step)
            self.notes.append(note)
            if self._phone.ended_by and not isinstance(step, HangUp | ExpectHangup):
                note.problem = "the agent had hung up by then"
            else:
                yield from self._perform(step, clip, note)
            if note.problem:
                break
        self._phone.end("caller")

    def _perform(self, step: Step, clip: Clip | None, note: Note) -> Iterator[None]:
        match step:
            case Say() | Play() | Mumble():
                yield from self._say(clip)
            case WaitForAgent():
                yield from self._wait_for_agent(step, note)
            case Interrupt():
                yield from self._interrupt(step, clip, note)
            case Backchannel() | Cough():
                yield from self._aside(step, clip, note)
            case Silence():
                yield from self._until(lambda: False, step.silence_s)
            case Dtmf():
                yield from self._press(step)
            case HangUp():
                self._phone.end("caller")
            case ExpectHangup():
                yield from self._expect_hangup(step, note)
            case _:
                assert_never(step)

    def _until(
        self, condition: Callable[[], bool], timeout_s: float, pending: Callable[[], bool] = lambda: False
    ) -> Waiting:
        """Let time pass until `condition`; False on timeout, or when the call is over and nothing is `pending`."""
        phone = self._phone
        deadline = phone.now + phone.samples(timeout_s * 1000)
        while not condition():
            if phone.now >= deadline or (phone.ended_by and not pending()):
                return False
            yield
        return True

    def _say(self, clip: Clip | None, *, takes_turn: bool = True) -> Generator[None, None, Speech]:
        assert clip is not None  # noqa: S101 - the renderer makes one for each step that sounds
        speech = self._phone.mouth.say(clip)
        self._log(CallerLine(speech.text, speech.begin, speech.end, takes_turn))
        yield from self._until(lambda: self._phone.now >= speech.end, 600.0)
        self._attended = max(self._attended, self._phone.now)
        return speech

    def _log(self, line: CallerLine) -> None:
        self.lines.append(line)
        self._on_line(line)

    def _fresh(self) -> list[Utterance]:
        """What the agent has said, or is saying, since the caller last attended to it."""
        return [utterance for utterance in self._phone.ear.utterances if utterance.end > self._attended]

    def _wait_for_agent(self, step: WaitForAgent, note: Note) -> Iterator[None]:
        if not (yield from self._until(lambda: self._satisfied(step), step.timeout_s, self._transcribing)):
            note.problem = self._missed(step)
        note.heard = self._fresh()
        if note.heard:
            self._measure_reply(note)
        if step.wait_for_agent == "finish" and note.heard:
            self._attended = note.heard[-1].end

    def _satisfied(self, step: WaitForAgent) -> bool:
        fresh = self._fresh()
        if not fresh or (step.wait_for_agent == "finish" and not fresh[-1].closed):
            return False
        if not (self._knows_words and step.matching):
            return True
        said = " ".join(utterance.text or "" for utterance in fresh)
        return all(contains(said, phrase) for phrase in step.matching)

    def _transcribing(self) -> bool:
        return self._knows_words and any(utterance.text is None for utterance in self._fresh())

    def _missed(self, step: WaitForAgent) -> str:
        fresh = self._fresh()
        why = "it hung up" if self._phone.ended_by else f"waited {step.timeout_s:g} s"
        if not fresh:
            return f"the agent said nothing; {why}"
        if not fresh[-1].closed:
            return f"the agent did not finish speaking; {why}"
        said = " ".join(utterance.text or "" for utterance in fresh)
        return f'the agent did not say {" and ".join(step.matching)}; {why}; it said "{said}"'

    def _measure_reply(self, note: Note) -> None:
        asked = [line.end for line in self.lines if line.takes_turn]
        if asked and note.heard[0].begin >= asked[-1]:
            note.reply_ms = self._phone.ms(note.heard[0].begin - asked[-1])

    def _into_speech(self, after_ms: int, timeout_s: float, note: Note) -> Waiting:
        """Wait until the agent has been speaking for `after_ms`."""
        ear, wanted = self._phone.ear, self._phone.samples(after_ms)

        def deep_enough() -> bool:
            current = ear.current
            return current is not None and current.end > self._attended and current.end - current.begin >= wanted

        reached = yield from self._until(deep_enough, timeout_s)
        if not reached:
            note.problem = f"the agent did not speak for {after_ms} ms within {timeout_s:g} s"
        return reached

    def _interrupt(self, step: Interrupt, clip: Clip | None, note: Note) -> Iterator[None]:
        if not (yield from self._into_speech(step.after_ms, step.timeout_s, note)):
            return
        speech = yield from self._say(clip)
        phone, pause = self._phone, self._phone.samples(STOPPED_MS)
        stopped = yield from self._until(lambda: phone.ear.quiet_for(phone.now) >= pause, STOP_PATIENCE_S)
        if stopped or phone.ended_by:
            note.stop_ms = phone.ms(max(0, phone.ear.last_sound - speech.begin))
            phone.cut()
        self._attended = phone.now

    def _aside(self, step: Backchannel | Cough, clip: Clip | None, note: Note) -> Iterator[None]:
        if step.after_ms and not (yield from self._into_speech(step.after_ms, step.timeout_s, note)):
            return
        attended = self._attended
        sound = yield from self._say(clip, takes_turn=False)
        self._attended = attended
        if step.agent_resumes:
            settled = sound.end + self._phone.samples(SETTLED_MS)
            wait_s = max(SETTLED_MS, step.resumes_within_ms) / 1000
            note.resumed = yield from self._until(lambda: self._phone.ear.last_sound > settled, wait_s)

    def _press(self, step: Dtmf) -> Iterator[None]:
        begin = self._phone.now
        digits = step.dtmf.replace(" ", "")
        for digit in digits:
            self._phone.press(digit)
            yield from self._until(lambda: False, step.gap_ms / 1000)
        self._log(CallerLine(f"(keys {digits})", begin, self._phone.now, takes_turn=False))
        self._attended = max(self._attended, self._phone.now)

    def _expect_hangup(self, step: ExpectHangup, note: Note) -> Iterator[None]:
        if not (yield from self._until(lambda: bool(self._phone.ended_by), step.timeout_s)):
            note.problem = f"the agent did not hang up within {step.timeout_s:g} s"
        elif self._phone.ended_by != "agent":
            note.problem = "the caller had hung up"
