"""Interruptions, judged by what the carrier's buffer really played."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from offhook.simulator.clips import render
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CloudCall, MediaStream, Variants
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.speech import Speech
from tests.acceptance.conftest import NUMBERS
from tests.acceptance.town import Town, entries, until
from tests.acceptance.vendors import Vendors

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

LINES = """
title = "Interruptions"
steps = [
    { say = "Excuse me, what are your opening hours?" },
    { say = "Wait, I would like to talk about something else." },
    { backchannel = "Mm-hm." },
]
"""
MOST_QUEUED_MS = 1_500
"""The lead of 400 ms, and what a carrier on a busy machine has not played in time; whole utterances are longer."""
EARLY_MS, LATE_MS = 150, 100
"""How far the server's idea of what was heard may be behind the carrier's, and before it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sounds(equipment: Equipment) -> list[bytes]:
    """What callers interrupt with, pcm16 at 8 kHz."""
    clips = await render(parse_scenario(LINES), equipment.synthesizer)
    return [clip.pcm.tobytes() for clip in clips if clip is not None]


async def interrupted(call: CloudCall, with_: bytes, after_ms: float) -> MediaStream:
    """Let the agent talk for a while, then talk over it until it falls silent."""
    stream = await call.phone.streaming()
    clears, played = len(stream.clears), stream.played_ms
    await until(lambda: stream.played_ms >= played + after_ms, "the agent speaks")
    call.phone.say(with_)
    await until(lambda: len(stream.clears) > clears, "the agent falls silent")
    return stream


def played(stream: MediaStream, index: int) -> float:
    """How much of an utterance was played before the clear that ended it."""
    begin = stream.clears[index - 1].at_ms if index else 0.0
    clear = stream.clears[index]
    return sum(each.ms for each in stream.queued if begin < each.at_ms <= clear.at_ms) - clear.dropped_ms


def words_by(speech: Speech, ms: float) -> int:
    """How many words had mostly sounded."""
    return sum((word.start_ms + word.end_ms) / 2 < ms for word in speech.words)


def check_heard(said: Mapping[str, Any], spoken: list[Speech], played_ms: float) -> None:
    (speech, *_) = [each for each in reversed(spoken) if each.text.strip() == said["text"]]
    assert said["interrupted"]
    assert said["text"].startswith(said["heard"])
    heard = len(said["heard"].split())
    assert words_by(speech, played_ms - EARLY_MS) <= heard <= words_by(speech, played_ms + LATE_MS)
    assert 0 < heard < len(speech.words)


def sounds_of(call: CloudCall) -> list[float]:
    """The lengths in ms of what the caller heard, parted by half a second of silence."""
    loud = np.flatnonzero(call.phone.heard.between(0, call.phone.heard.length))
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > 4_000) + 1)
    return [(part[-1] - part[0] + 1) / 8 for part in parts]


async def test_callers_interrupt_twice(town: Town, vendors: Vendors, sounds: list[bytes]) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        call = town.phone(carrier, to=NUMBERS["aide"])
        await interrupted(call, sounds[0], 1_500)
        await interrupted(call, sounds[1], 1_500)
        await town.heard(call, 3)
        await call.hang_up()
        return call

    for call in await asyncio.gather(*map(course, CARRIERS)):
        record = await town.record_of(call)
        (stream,) = call.phone.streams
        assert len(stream.clears) == len(entries(record, "BargeIn")) == 2
        first, second, _ = entries(record, "AgentSaid")
        check_heard(first, vendors.elevenlabs.spoken, played(stream, 0))
        check_heard(second, vendors.elevenlabs.spoken, played(stream, 1))
        check_silence(call, stream)
        names = {mark for clear in stream.clears for mark in clear.marks}
        returned = {str(message) for _, message in stream.sent if any(name in str(message) for name in names)}
        assert bool(returned) is (call.dialect.twilio and bool(names))
        assert call.violations == []


def check_silence(call: CloudCall, stream: MediaStream) -> None:
    """After each clear nothing comes until the next utterance, and never too much is queued."""
    for clear in stream.clears:
        after = next(each.at_ms for each in stream.queued if each.at_ms > clear.at_ms)
        answers = [at for at, message in stream.sent if "clearedAudio" in str(message) and at >= clear.at_ms]
        assert after > clear.at_ms + 300
        assert call.dialect.twilio or answers[0] < after
    assert stream.worst_queued_ms <= MOST_QUEUED_MS
    heard = sounds_of(call)
    assert len(heard) >= 3
    for index in (0, 1):
        assert abs(heard[index] - played(stream, index)) <= 60


async def test_a_listener_where_the_carrier_tells_nothing_back(town: Town, sounds: list[bytes]) -> None:
    async def course(carrier: Carrier, ways: Variants) -> CloudCall:
        async with town.other_cloud(carrier, variants=ways) as cloud:
            call = town.phone(carrier, to=NUMBERS["aide"], cloud=cloud)
            await interrupted(call, sounds[2], 1_500)
            await town.heard(call)
            await call.hang_up()
        return call

    deaf, dumb = Variants(clears_back=False), Variants(plays_back=False)
    for call in await asyncio.gather(*(course(carrier, ways) for carrier in CARRIERS for ways in (deaf, dumb))):
        record = await town.record_of(call)
        (stream,) = call.phone.streams
        after = next(each.at_ms for each in stream.queued if each.at_ms > stream.clears[0].at_ms)
        if not (call.sender.variants.clears_back or call.dialect.twilio):
            assert after - stream.clears[0].at_ms >= 280
        (said,) = entries(record, "AgentSaid")
        assert (said["interrupted"], said["heard"]) == (False, said["text"])
        assert bool(record["counters"]["marks_given_up"]) is not call.sender.variants.plays_back
        assert not entries(record, "CallerSaid")
