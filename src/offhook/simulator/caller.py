"""A synthetic caller: dials an agent, performs a scenario at real-time pace, and reports."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offhook.audio.files import write_wav
from offhook.simulator.clips import Clip
from offhook.simulator.ear import Utterance
from offhook.simulator.exchange import Circuit, Exchange
from offhook.simulator.judging import conversation, interruptions, judge, turns
from offhook.simulator.pace import Pace
from offhook.simulator.phone import Phone
from offhook.simulator.reports import CallReport, Line, Timing
from offhook.simulator.scenario import Scenario
from offhook.simulator.script import CallerLine, Script
from offhook.simulator.sound import Pcm
from offhook.simulator.tracks import stereo

__all__ = ["Caller", "Progress", "Transcribe", "Watch"]

Transcribe = Callable[[Pcm, int], Awaitable[str]]
Watch = Callable[["Progress"], None]

TEXT_PATIENCE_S = 30.0
LEAD_MS = 300
TAIL_MS = 120


@dataclass(frozen=True, slots=True)
class Progress:
    """A line of a conversation that is going on. One that is not `settled` comes again with the same `key` when its
    words are known."""

    call: int
    key: int
    line: Line
    settled: bool


class Caller:
    """One call. `transcribe` turns agent audio (samples, rate) into text; without it, nobody knows the words.

    `watch` is told of the caller's lines when they begin, and of the agent's when they are over.
    """

    def __init__(
        self,
        scenario: Scenario,
        clips: Sequence[Clip | None],
        *,
        number: int = 1,
        transcribe: Transcribe | None = None,
        watch: Watch = lambda _: None,
        speedup: float = 1.0,
    ):
        self._scenario = scenario
        self._number = number
        self._transcribe = transcribe
        self._watch = watch
        self._phone = Phone(scenario, self._on_utterance)
        self._script = Script(
            scenario, clips, self._phone, knows_words=transcribe is not None, on_line=self._on_caller_line
        )
        self._pace = Pace(speedup)
        self._arrivals: list[float] = []
        self._texts: set[asyncio.Task[None]] = set()
        self._problem = ""

    @property
    def now(self) -> int:
        """The position on the timeline at this moment, in samples of the line."""
        return int(self._pace.now_s * self._phone.rate)

    async def call(self, exchange: Exchange, *, wav: Path | None = None) -> CallReport:
        """Make the call; `wav` is a file for its recording, the caller left and the agent right.

        Raises CallError if nobody answers.
        """
        circuit = await exchange.dial(self._phone.rate)
        self._pace.restart()
        circuit.listen(self)
        try:
            await self._perform(circuit)
        finally:
            self._phone.end("caller")
            await circuit.hang_up()
        await self._finish_texts()
        if wav is not None:
            await asyncio.to_thread(
                write_wav, wav, stereo(self._phone.mouth.track, self._phone.ear.track), self._phone.rate
            )
        return self._report(circuit, wav)

    def hear(self, pcm: bytes, at: int) -> None:
        """Take agent audio that came at sample `at`."""
        self._arrivals.append(self._pace.now_s)
        self._phone.hear(pcm, at)

    def hung_up(self, problem: str = "") -> None:
        """The agent hung up, or what is between did."""
        if problem and not self._phone.ended_by:
            self._problem = problem
        self._phone.end("agent")

    async def _perform(self, circuit: Circuit) -> None:
        """Script and phone in step, until the script ends. The first audio goes out with no wait."""
        limit = self._phone.samples(self._scenario.max_duration_s * 1000)
        steps = self._script.run()
        while True:
            if self._phone.now >= limit:
                self._problem = f"not over after {self._scenario.max_duration_s:g} s (max_duration_s)"
                return
            try:
                next(steps)
            except StopIteration:
                return
            keys, frame = self._phone.tick()
            for digit in keys:
                circuit.press(digit)
            if frame is not None:
                circuit.send(frame)
            await self._pace.next_frame()

    def _on_caller_line(self, line: CallerLine) -> None:
        if (interrupted := self._phone.ear.current) is not None:
            self._tell(interrupted, settled=False)
        said = Line("caller", self._phone.ms(line.begin), self._phone.ms(line.end), line.text)
        self._watch(Progress(self._number, -line.begin - 1, said, settled=True))

    def _on_utterance(self, said: Utterance) -> None:
        self._tell(said, settled=self._transcribe is None)
        if self._transcribe is None:
            return
        task = asyncio.get_running_loop().create_task(self._write_down(said, self._transcribe))
        self._texts.add(task)
        task.add_done_callback(self._texts.discard)

    def _tell(self, said: Utterance, *, settled: bool) -> None:
        line = Line("agent", self._phone.ms(said.begin), self._phone.ms(said.end), said.text or "")
        self._watch(Progress(self._number, said.begin, line, settled))

    async def _write_down(self, said: Utterance, transcribe: Transcribe) -> None:
        phone = self._phone
        sound = phone.ear.track.between(said.begin - phone.samples(LEAD_MS), said.end + phone.samples(TAIL_MS))
        said.text = await transcribe(sound, phone.rate)
        self._tell(said, settled=True)

    async def _finish_texts(self) -> None:
        """Wait for what is still being transcribed; raises what went wrong with it."""
        if self._texts:
            done, _ = await asyncio.wait(list(self._texts), timeout=TEXT_PATIENCE_S)
            for task in done:
                task.result()

    def _report(self, circuit: Circuit, wav: Path | None) -> CallReport:
        phone, lines = self._phone, self._script.lines
        report = CallReport(
            scenario=self._scenario.name,
            title=self._scenario.title,
            call=self._number,
            call_id=circuit.call_id,
            ended_by=phone.ended_by,
            duration_ms=round(phone.ms(phone.ended_at), 1),
            lines=conversation(phone, lines),
            turns=turns(phone, lines),
            interruptions=interruptions(self._script.notes),
            timing=Timing.of(self._arrivals, phone.ear.underruns, self._pace.worst_s * 1000),
            problem=self._problem,
            wav=wav,
        )
        knows_words = self._transcribe is not None
        report.checks = judge(
            self._scenario, self._script.notes, report, knows_words=knows_words, faults=circuit.faults
        )
        return report
