"""How calls begin and end: in every phase, in every order of webhooks and sockets, on all three carriers."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.simulator.clips import render
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, CloudCall, StreamEnd, Variants
from offhook.simulator.equipment import Equipment
from offhook.simulator.scenario_files import parse_scenario
from tests.acceptance.town import Town, entries, opened, until

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]
Course = Callable[[CloudCall], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def question(equipment: Equipment) -> bytes:
    """A caller's question, pcm16 at 8 kHz."""
    scenario = parse_scenario('title = "t"\nsteps = [{ say = "What are your opening hours?" }]')
    (clip,) = await render(scenario, equipment.synthesizer)
    assert clip is not None
    return clip.pcm.tobytes()


async def at_once(call: CloudCall) -> None:
    """The caller hangs up before the carrier has asked for a document."""
    await call.hang_up()


async def on_answer(call: CloudCall) -> None:
    await call.phone.streaming()
    await call.hang_up()


async def in_greeting(call: CloudCall) -> None:
    await hearing(call)
    await call.hang_up()


async def hearing(call: CloudCall, ms: float = 500) -> None:
    """Let the caller hear so much of what the agent says."""
    stream = await call.phone.streaming()
    before = stream.played_ms
    await until(lambda: stream.played_ms >= before + ms, "the agent speaks")


async def test_callers_hang_up_in_every_phase(town: Town, question: bytes) -> None:
    async def while_it_thinks(call: CloudCall) -> None:
        await town.heard(call)
        call.phone.say(question)
        await asyncio.sleep(len(question) / 16_000 + 0.3)
        await call.hang_up()

    async def in_the_answer(call: CloudCall) -> None:
        await town.heard(call)
        call.phone.say(question)
        await asyncio.sleep(len(question) / 16_000)
        await hearing(call)
        await call.hang_up()

    courses: list[Course] = [at_once, on_answer, in_greeting, while_it_thinks, in_the_answer]
    calls = [(course, town.phone(carrier)) for course in courses for carrier in CARRIERS]
    await asyncio.gather(*(course(call) for course, call in calls))
    await town.idle()
    ids = {record["carrier_call_id"] for record in town.server.records()}
    for course, call in calls:
        if course is at_once:
            assert call.id not in ids
            continue
        record = await town.record_of(call)
        assert record["end_reason"] == "caller_hung_up", course
        heard = "".join(entry["heard"] for entry in entries(record, "AgentSaid"))
        assert bool(heard) is (course is not on_answer)
        assert bool(entries(record, "CallerSaid")) is (course is in_the_answer) or course is while_it_thinks
        assert call.violations == []


STRANGE = Variants(
    flat_start=True,
    media_first=25,
    unknown_events=True,
    text_numbers=True,
    rate_in_encoding=True,
    keys="flat",
    long_answers=True,
)
"""As older documents and reports from the field have it."""
TWICE = Variants(duplicates=True, disorder=True, credentials=True, hangup_at_answer=True)
"""Webhooks that come twice and in the wrong order, with the account's tokens beside them."""


@pytest.mark.parametrize(
    "ways",
    [STRANGE, replace(STRANGE, stops=True), replace(STRANGE, stops=False), TWICE],
    ids=["strange", "stop", "no stop", "twice"],
)
async def test_carriers_differ_from_their_documents(town: Town, ways: Variants) -> None:
    async def course(carrier: Carrier, cloud: CarrierCloud) -> CloudCall:
        call = town.phone(carrier, cloud=cloud)
        await in_greeting_with_key(call)
        return call

    async with AsyncExitStack() as stack:
        clouds = [await stack.enter_async_context(town.other_cloud(carrier, variants=ways)) for carrier in CARRIERS]
        calls = await asyncio.gather(*(course(*each) for each in zip(CARRIERS, clouds, strict=True)))
    for call in calls:
        record = await town.record_of(call)
        assert record["end_reason"] == "caller_hung_up"
        assert [entry["digit"] for entry in entries(record, "DtmfReceived")] == ["5"]
        assert len(call.phone.streams) == 1
        assert call.violations == []
        assert all(webhook.acknowledged for webhook in call.courier.sent)


async def in_greeting_with_key(call: CloudCall) -> None:
    await hearing(call)
    call.phone.press("5")
    await asyncio.sleep(0.2)
    await call.hang_up()


async def test_connections_that_break(town: Town) -> None:
    async with AsyncExitStack() as stack:
        ways = Variants(drop_after_ms=1_000)
        clouds = [await stack.enter_async_context(town.other_cloud(carrier, variants=ways)) for carrier in CARRIERS]
        calls = [town.phone(carrier, cloud=cloud) for carrier, cloud in zip(CARRIERS, clouds, strict=True)]
        await asyncio.gather(*(asyncio.wait_for(call.ended.wait(), 30) for call in calls))
    for call in calls:
        record = await town.record_of(call)
        assert record["end_reason"] == "caller_hung_up"
        assert call.phone.streams[0].end is StreamEnd.BROKEN


async def test_a_hangup_webhook_before_the_socket_closes_and_again_after(town: Town) -> None:
    async def course(carrier: Carrier) -> CloudCall:
        call = town.phone(carrier)
        await hearing(call)
        for _ in range(2):
            assert (await town.tell(carrier, "hangup", hangup(carrier, call.id)))[0] == 200
        await asyncio.wait_for(call.ended.wait(), 30)
        assert (await town.tell(carrier, "hangup", hangup(carrier, call.id)))[0] == 200
        return call

    def told(call: CloudCall) -> bool:
        record = town.record(call)
        return record is not None and record["end_detail"] == "Normal Hangup 4000, by Caller"

    for call in await asyncio.gather(*map(course, CARRIERS)):
        assert (await town.record_of(call))["end_reason"] == "caller_hung_up"
        assert call.phone.streams[0].end in {StreamEnd.CLOSED, StreamEnd.STOPPED}
        if call.dialect.carrier != "twilio":
            # The cloud tells its own cause in between; the last word is ours.
            await until(partial(told, call), "the carrier's last word on record", every_s=0.1)


def hangup(carrier: Carrier, call_id: str) -> dict[str, str]:
    if carrier == "twilio":
        return {"CallSid": call_id, "CallStatus": "completed", "CallDuration": "3"}
    cause = {"HangupCauseName": "Normal Hangup", "HangupCauseCode": "4000", "HangupSource": "Caller"}
    return {"CallUUID": call_id, "Event": "Hangup", "CallStatus": "completed", "Duration": "3", **cause}


async def test_nothing_is_left_behind(town: Town) -> None:
    async def several() -> list[CloudCall]:
        calls = [town.phone(carrier) for carrier in CARRIERS for _ in range(4)]
        await asyncio.gather(*(hearing(call, 200) for call in calls))
        await asyncio.gather(*(call.hang_up() for call in calls))
        await town.idle()
        return calls

    await several()
    await settled(town)
    open_files = town.open_files
    calls = [call for _ in range(3) for call in await several()]
    await until(lambda: town.open_files <= open_files + 2, f"no more than {open_files} open files")
    health = await town.health()
    assert health["calls"] == 0
    for call in calls:
        assert (await town.record_of(call))["end_reason"] == "caller_hung_up"


async def settled(town: Town) -> None:
    """Wait until connections of former calls are closed."""
    before = -1
    while before != town.open_files:
        before = town.open_files
        await asyncio.sleep(0.5)


async def test_a_server_that_stops_takes_no_new_call_and_hangs_up_at_the_second_signal(tmp_path: Path) -> None:
    async with opened(tmp_path, '[agents.echo]\nengine = "loopback"\n') as town:
        calls = [town.phone(carrier) for carrier in CARRIERS]
        await asyncio.gather(*(hearing(call, 200) for call in calls))
        town.server.process.send_signal(signal.SIGTERM)
        await until(lambda: "waiting for calls in progress" in town.server.output, "the server waits")
        late = [town.phone(carrier) for carrier in CARRIERS]
        await asyncio.gather(*(asyncio.wait_for(call.ended.wait(), 30) for call in late))
        assert [call.ending.status for call in late if call.ending] == ["busy"] * 3
        assert not any(call.phone.streams for call in late)
        assert all(call.phone.live_streams for call in calls)
        town.server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(asyncio.wait_for(call.ended.wait(), 30) for call in calls))
        await until(lambda: town.server.process.poll() is not None, "the server ends")
    assert [record["end_reason"] for record in town.server.records()] == ["shutdown"] * 3
    assert [call.violations for call in (*calls, *late)] == [[]] * 6
