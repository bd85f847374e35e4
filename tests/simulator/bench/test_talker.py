import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from offhook.simulator.bench.instant import LINE, STORY, Hearing
from offhook.simulator.bench.slot_clock import SlotClock
from offhook.simulator.bench.talker import SILENCE, Line, Talker
from offhook.simulator.clips import Clip
from offhook.simulator.clouds.media_stream.stream import Cleared, Queued

SOUND = b"\1\0" * 160
SAID = Line((SILENCE, SOUND, SOUND, SOUND, SILENCE), 1, 3)
SPEECH_FRAMES = 3


@dataclass
class Phone:
    frames: list[bytes] = field(default_factory=list)

    def speak(self, frame: bytes) -> None:
        self.frames.append(frame)


@dataclass
class Rig:
    """An agent of frames, at once caller's double and clock: time goes on by 20 ms a frame.

    It answers `after` frames after the last sound of the caller with `length` frames, and clears what it says
    `clears_after` frames after the first one; None for never.
    """

    after: int | None = 15
    length: int = 4
    clears_after: int | None = 2
    phone: Phone = field(default_factory=Phone)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    violations: list[str] = field(default_factory=list)
    queued: list[Queued] = field(default_factory=list)
    clears: list[Cleared] = field(default_factory=list)
    now_ms: float = 0.0
    queued_ms: float = 0.0
    silent: int = 1_000
    voiced: int = 0
    heard: Hearing = field(default_factory=lambda: Hearing("Bado"))

    async def hang_up(self) -> None:
        self.ended.set()

    def talker(self) -> Talker:
        both: Any = self
        talker = Talker(both, both, [SAID], SlotClock(), lambda: 100 + self.now_ms / 1000)
        talker.hearing = self.heard
        return talker

    async def run(self, talker: Talker, frames: int) -> None:
        await asyncio.sleep(0)
        for _ in range(frames):
            await talker.send()
            self.hear(self.phone.frames[-1])
            self.now_ms += 20

    def hear(self, frame: bytes) -> None:
        self.queued_ms = max(0.0, self.queued_ms - 20)
        sound = frame != SILENCE
        self.voiced = self.voiced + 1 if sound else self.voiced
        if sound and self.silent > 1:
            self.voiced = 1
        self.silent = 0 if sound else self.silent + 1
        if self.voiced == self.clears_after and sound and self.queued_ms:
            self.clears.append(Cleared(self.now_ms, self.queued_ms, ()))
            self.queued_ms = 0
        if self.silent == self.after and self.voiced:
            self.say()

    def say(self) -> None:
        for _ in range(self.length):
            self.queued_ms += 20
            self.queued.append(Queued(self.now_ms, 20, self.queued_ms))


def test_a_line_knows_its_first_and_its_last_audible_frame() -> None:
    clip = Clip("hm", np.ones(500, np.int16), 170, 480)
    line = Line.of(clip)
    assert (line.first, line.last) == (1, 2)
    assert [len(frame) for frame in line.frames] == [320] * 4
    assert line.frames[3].endswith(bytes(280))


async def test_a_turn_is_timed_from_the_last_audible_frame_to_the_first_audio() -> None:
    rig = Rig()
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(2))
    await rig.run(talker, 120)
    async with asyncio.timeout(5):
        await talking
    assert len(talker.turns) == 2
    for turn in talker.turns:
        assert turn.answered - turn.ended == pytest.approx(15 * 0.02)
    assert rig.heard.line == LINE
    assert talker.missed == 0
    assert rig.phone.frames.count(SOUND) == 2 * SPEECH_FRAMES


async def test_the_caller_waits_until_the_agent_has_been_silent() -> None:
    rig = Rig(length=50)
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(2))
    await rig.run(talker, 40)
    assert len(talker.turns) == 1
    assert rig.phone.frames.count(SOUND) == SPEECH_FRAMES
    await rig.run(talker, 80)
    assert rig.phone.frames.count(SOUND) == 2 * SPEECH_FRAMES
    talking.cancel()


async def test_each_turn_keeps_its_own_trail() -> None:
    rig = Rig()
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(2))
    for number in range(120):
        rig.heard.trail.asked = float(len(talker.turns))
        await rig.run(talker, 1)
        if number == 119:
            await talking
    rig.heard.trail.asked = 9.0
    assert [turn.trail.asked for turn in talker.turns] == [0.0, 1.0]


async def test_an_answer_that_never_comes_is_missed() -> None:
    rig = Rig(after=None)
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(1))
    await rig.run(talker, 300)
    async with asyncio.timeout(5):
        await talking
    assert (talker.turns, talker.missed) == ([], 1)


async def test_turns_may_begin_later() -> None:
    rig = Rig()
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(1, after=70))
    await rig.run(talker, 80)
    assert SOUND not in rig.phone.frames
    talking.cancel()


async def test_an_interruption_is_timed_from_the_first_audible_frame_to_the_clear() -> None:
    rig = Rig(length=60)
    talker = rig.talker()
    talking = asyncio.create_task(talker.interrupt(2))
    await rig.run(talker, 200)
    async with asyncio.timeout(5):
        await talking
    assert rig.heard.line == STORY
    assert talker.missed == 0
    assert [each.cleared - each.began for each in talker.interruptions] == [pytest.approx(0.02)] * 2


async def test_an_agent_that_talks_on_is_missed() -> None:
    rig = Rig(length=60, clears_after=None)
    talker = rig.talker()
    talking = asyncio.create_task(talker.interrupt(1))
    await rig.run(talker, 200)
    async with asyncio.timeout(5):
        await talking
    assert (talker.interruptions, talker.missed) == ([], 1)


async def test_a_call_that_the_server_ends_is_at_fault() -> None:
    rig = Rig()
    talker = rig.talker()
    talking = asyncio.create_task(talker.talk(9))
    await rig.run(talker, 5)
    rig.ended.set()
    async with asyncio.timeout(5):
        await talking
    assert talker.fault == "the server hung up"


async def test_hanging_up_is_no_fault_and_violations_are() -> None:
    rig = Rig()
    talker = rig.talker()
    await talker.hang_up()
    assert talker.fault == ""
    rig.violations.append("playAudio of nonsense")
    assert talker.fault == "the carrier would have refused: playAudio of nonsense"


async def test_the_greeting_is_the_first_audio() -> None:
    rig = Rig(now_ms=500)
    rig.say()
    rig.now_ms = 700
    assert rig.talker().first_audio == pytest.approx(100.5)
