"""What is done to calls that go on: transfers by the agent and by the API, keys, and the end."""

import asyncio
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from offhook.simulator.clips import render
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CloudCall, Transferred, answers, busy
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from tests.acceptance.conftest import NUMBERS
from tests.acceptance.town import OURS, THEIRS, Town, entries, until

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

OFFICE, DESK, ELSEWHERE, ENGAGED = "+14155550177", "+14155550166", "+14155550188", "+14155550199"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def request_for_the_office(equipment: Equipment) -> bytes:
    """What a caller says who wants to be put through, pcm16 at 8 kHz."""
    return await spoken("Please connect me to the office.", equipment)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def request_for_the_desk(equipment: Equipment) -> bytes:
    """The same for a place that is asked first."""
    return await spoken("Please connect me to the desk.", equipment)


async def spoken(text: str, equipment: Equipment) -> bytes:
    scenario = parse_scenario(f'title = "t"\nsteps = [{{ say = "{text}" }}]')
    (clip,) = await render(scenario, equipment.synthesizer)
    assert clip is not None
    return clip.pcm.tobytes()


async def over(call: CloudCall) -> None:
    await asyncio.wait_for(call.ended.wait(), 60)


def only(transfers: list[Transferred]) -> tuple[str, str, str]:
    """Whom the carrier called, under which number, and how that went, with numbers in digits."""
    (transfer,) = transfers
    return transfer.number.lstrip("+"), transfer.caller_id.lstrip("+"), transfer.status


async def talking(town: Town, carrier: Carrier, number: str = OURS) -> CloudCall:
    """A call whose caller hears the agent."""
    call = town.phone(carrier, to=number)
    stream = await call.phone.streaming()
    await until(lambda: stream.played_ms > 200, "the agent speaks")
    return call


async def test_the_agent_transfers_when_its_words_were_heard(town: Town, request_for_the_office: bytes) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        town.clouds[carrier].callees[OFFICE[1:]] = answers(0.2, stays_s=0.5)
        call = town.phone(carrier, to=NUMBERS["aide"])
        await town.heard(call)
        call.phone.say(request_for_the_office)
        await over(call)
        return call

    for call in await asyncio.gather(*map(course, CARRIERS)):
        record = await town.record_of(call)
        assert record["end_reason"] == "transferred"
        order = [
            each["event"] for each in record["turns"] if each["event"] in {"CallerSaid", "AgentSaid", "ToolCalled"}
        ]
        assert order == ["AgentSaid", "CallerSaid", "AgentSaid", "ToolCalled"]
        said = entries(record, "AgentSaid")[-1]
        assert (said["heard"], said["interrupted"]) == ("I will put you through to the office now.", False)
        (stream,) = call.phone.streams
        assert stream.played_ms == pytest.approx(sum(each.ms for each in stream.queued), abs=1)
        assert only(call.log.transfers) == (OFFICE[1:], NUMBERS["aide"][1:], "answered")
        assert call.violations == []


async def asking(town: Town, carrier: Carrier, request: bytes) -> tuple[CloudCall, CloudCall]:
    """A caller who hears music, and who is asked, in a call that began by that."""
    cloud = town.clouds[carrier]
    cloud.callees[DESK[1:]] = answers(0.2)
    call = town.phone(carrier, to=NUMBERS["aide"])
    await town.heard(call)
    call.phone.say(request)

    def reached() -> CloudCall | None:
        found = [each for each in cloud.calls.values() if each.facts.to.lstrip("+") == DESK[1:] and each.up.is_set()]
        return found[-1] if found and not found[-1].ended.is_set() else None

    asked: CloudCall = await until(reached, "the desk")
    stream = await asked.phone.streaming()
    await until(lambda: stream.played_ms > 1_000, "the briefing")
    return call, asked


async def test_who_is_asked_first_meets_the_caller_in_a_conference(town: Town, request_for_the_desk: bytes) -> None:
    async def course(carrier: Carrier) -> tuple[CloudCall, CloudCall]:
        call, asked = await asking(town, carrier, request_for_the_desk)
        asked.phone.press("1")
        await until(lambda: call.log.conferences and asked.log.conferences, "the conference")
        before = asked.phone.heard.length
        call.phone.say(request_for_the_desk)
        await until(lambda: np.any(asked.phone.heard.between(before, asked.phone.heard.length)), "the caller's voice")
        await call.hang_up()
        await over(asked)
        return call, asked

    for call, asked in await asyncio.gather(*(course(carrier) for carrier in CARRIERS)):
        record, other = await town.record_of(call), await town.record_of(asked)
        assert (record["end_reason"], record["end_detail"]) == ("transferred", f"taken by desk ({DESK})")
        assert (other["end_reason"], other["consults_for"]) == ("transferred", record["call_id"])
        assert record["consultations"] == [other["call_id"]]
        assert call.log.conferences == asked.log.conferences
        assert call.violations == asked.violations == []


async def test_who_is_asked_and_declines_leaves_the_caller_with_the_agent(
    town: Town, request_for_the_desk: bytes
) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        call, asked = await asking(town, carrier, request_for_the_desk)
        asked.phone.press("2")
        await over(asked)
        await town.heard(call, 3)
        await call.hang_up()
        return call

    for call in await asyncio.gather(*map(course, CARRIERS)):
        record = await town.record_of(call)
        assert [each["outcome"] for each in entries(record, "ConsultationEnded")] == ["declined"]
        assert entries(record, "AgentSaid")[-1]["text"] == "That did not work, I am sorry."
        assert (record["end_reason"], call.violations) == ("caller_hung_up", [])


async def test_the_api_transfers(town: Town) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        town.clouds[carrier].callees[ELSEWHERE[1:]] = answers(0.2, stays_s=0.3)
        call = await talking(town, carrier)
        answer = await town.ask("POST", f"/v1/calls/{call.id}/transfer", {"to": ELSEWHERE})
        assert answer == (202, {"status": "transferred"})
        await over(call)
        return call

    for call in await asyncio.gather(*map(course, CARRIERS)):
        assert only(call.log.transfers) == (ELSEWHERE[1:], OURS[1:], "answered")
        assert (await town.record_of(call))["end_reason"] == "transferred"
        assert call.violations == []


async def test_who_is_not_put_through_gets_an_agent_again(town: Town) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        town.clouds[carrier].callees[ENGAGED[1:]] = busy(0.2)
        call = await talking(town, carrier)
        assert (await town.ask("POST", f"/v1/calls/{call.id}/transfer", {"to": ENGAGED}))[0] == 202
        await until(lambda: len(call.phone.streams) == 2, "a second stream")
        await until(lambda: call.phone.streams[1].played_ms > 200, "an agent speaks")
        await call.hang_up()
        return call

    calls = await asyncio.gather(*map(course, CARRIERS))
    for call in calls:
        assert only(call.log.transfers) == (ENGAGED[1:], OURS[1:], "busy")
        records = await until(partial(ended_records, town, call, 2), "two records", every_s=0.1)
        assert [each["end_reason"] for each in records] == ["transferred", "caller_hung_up"]
        assert {each["from_number"] for each in records} == {THEIRS}
        assert call.violations == []


def ended_records(town: Town, call: CloudCall, count: int) -> list[dict[str, Any]]:
    """The records of a call that was two conversations; empty until all have ended."""
    records = [each for each in town.server.records() if each["carrier_call_id"] == call.id]
    return records if len(records) == count and all(each["end_reason"] for each in records) else []


async def test_the_api_presses_keys(town: Town) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        call = await talking(town, carrier)
        assert (await town.ask("POST", f"/v1/calls/{call.id}/dtmf", {"digits": "12#"}))[0] == 202
        await town.heard(call)
        await asyncio.sleep(1.0)
        await call.hang_up()
        return call

    calls = await asyncio.gather(*map(course, CARRIERS))
    assert [call.log.keys for call in calls] == ["12#", "12#", ""]
    assert keys_in(calls[-1]) == "12#"
    assert [call.violations for call in calls] == [[]] * 3


def keys_in(call: CloudCall) -> str:
    """The keys whose tones were heard."""
    heard = call.phone.heard.between(0, call.phone.heard.length)
    blocks = heard[: len(heard) // 400 * 400].reshape(-1, 400).astype(np.float64)
    found = [key_of(np.abs(np.fft.rfft(block * np.hanning(400), 1_600))) for block in blocks]
    return "".join(key for before, key in zip(["", *found], found, strict=False) if key and key != before)


def key_of(spectrum: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    """The key of a block of 50 ms whose energy is in two tones, one low and one high; steps of 5 Hz."""
    low, high = 120 + np.argmax(spectrum[120:200]), 220 + np.argmax(spectrum[220:320])
    tones = (
        spectrum[low - 8 : low + 9] @ spectrum[low - 8 : low + 9]
        + spectrum[high - 8 : high + 9] @ spectrum[high - 8 : high + 9]
    )
    if tones < 0.9 * (spectrum @ spectrum) or spectrum.max() < 50_000:
        return ""
    row = int(np.argmin(np.abs(np.array([697, 770, 852, 941]) - 5 * low)))
    column = int(np.argmin(np.abs(np.array([1209, 1336, 1477]) - 5 * high)))
    return "123456789*0#"[3 * row + column]


async def test_the_api_hangs_up(town: Town) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        call = await talking(town, carrier)
        status, shown = await town.ask("GET", f"/v1/calls/{call.id}")
        assert (status, shown["state"], shown["carrier"], shown["from"]) == (200, "answered", carrier, THEIRS)
        assert await town.ask("POST", f"/v1/calls/{shown['id']}/hangup") == (200, {"status": "ended"})
        await over(call)
        assert (await town.ask("POST", f"/v1/calls/{shown['id']}/hangup"))[0] == 404
        return call

    for call in await asyncio.gather(*map(course, CARRIERS)):
        record = await town.record_of(call)
        assert (record["end_reason"], record["end_detail"]) == ("agent_hung_up", "asked for by the API")
        assert call.ending is not None
        assert not call.ending.by_human
