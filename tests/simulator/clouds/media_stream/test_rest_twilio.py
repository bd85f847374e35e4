"""Twilio's REST API, used by Twilio's own client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from offhook.simulator.clouds.media_stream import (
    Callee,
    CarrierCloud,
    CloudCall,
    RealTime,
    answering_machine,
    answers,
    busy,
    no_answer,
)
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, answer, listen, serving

SPEEDUP = 10.0
EVENTS = ["initiated", "ringing", "answered", "completed"]


@asynccontextmanager
async def working(
    documents: dict[str, str | int], callee: Callee | None = None
) -> AsyncIterator[tuple[CarrierCloud, Any, Agent]]:
    agent = Agent(listen, documents)
    async with serving(agent), CarrierCloud("twilio", clock=RealTime(SPEEDUP)) as cloud:
        client = Client(cloud.account.id, cloud.account.token)
        client.api.base_url = cloud.api_url.removesuffix("/2010-04-01")
        cloud.everybody(callee or answers(0.5))
        try:
            yield cloud, client, agent
        finally:
            client.http_client.session.close()


async def asked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def create(client: Any, agent: Agent, **params: Any) -> str:
    params = {"url": f"{agent.url}/answer", "to": "+15550142", "from_": "+15550100", **params}
    return str((await asked(client.calls.create, **params)).sid)


async def over(call: CloudCall) -> None:
    await asyncio.wait_for(call.ended.wait(), PATIENCE_S)


async def test_twilios_sdk_places_transfers_and_hangs_up_a_call() -> None:
    async with working({"/answer": answer("twilio")}) as (cloud, client, agent):
        sid = await create(client, agent, status_callback=f"{agent.url}/status", status_callback_event=EVENTS)
        call = cloud.calls[sid]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        assert (await asked(client.calls(sid).fetch)).status == "in-progress"
        assert [each.sid for each in await asked(client.calls.list, status="in-progress")] == [sid]
        twiml = "<Response><Say>One moment</Say><Dial>+15550199</Dial></Response>"
        moved = await asked(client.calls(sid).update, twiml=twiml)
        assert moved.sid == sid
        while not call.log.transfers:
            await call.clock.sleep(0.1)
        await asked(client.calls(sid).update, status="completed")
        await over(call)
        assert (await asked(client.calls(sid).fetch)).status == "completed"
        with pytest.raises(TwilioRestException) as refused:
            await asked(client.calls(sid).update, status="completed")
        assert refused.value.code == 21220
    assert call.log.spoken == ["One moment"]
    assert [hit.params["CallStatus"] for hit in agent.hits if hit.path == "/status"] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    first = agent.to("/answer")
    assert (first.params["Direction"], first.params["From"]) == ("outbound-api", "+15550100")
    validator = RequestValidator(cloud.account.token)
    for hit in agent.hits:
        assert validator.validate(f"{agent.url}{hit.path}", hit.params, hit.headers["X-Twilio-Signature"])
    request = agent.lines[0].request
    assert validator.validate(f"{agent.url}/ws".replace("http", "ws", 1), {}, request.headers["X-Twilio-Signature"])


async def test_a_digit_by_twiml() -> None:
    async with working({"/answer": '<Response><Play digits="12#"/></Response>'}) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent)]
        await over(call)
    assert call.log.keys == "12#"


@pytest.mark.parametrize(
    ("callee", "params", "status"),
    [
        (busy(), {}, "busy"),
        (no_answer(), {"timeout": 5}, "no-answer"),
        (answers(stays_s=1), {}, "completed"),
    ],
)
async def test_what_becomes_of_a_call(callee: Callee, params: dict[str, Any], status: str) -> None:
    async with working({"/answer": answer("twilio")}, callee) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent, status_callback=f"{agent.url}/status", **params)]
        await over(call)
    assert [hit.params["CallStatus"] for hit in agent.hits if hit.path == "/status"] == [status]


@pytest.mark.parametrize(
    ("params", "found", "waited_ms"),
    [
        ({"machine_detection": "Enable"}, "machine_start", 3_900),
        ({"machine_detection": "DetectMessageEnd"}, "machine_end_beep", 6_300),
    ],
)
async def test_who_answered_is_in_the_request_for_twiml(params: dict[str, str], found: str, waited_ms: int) -> None:
    callee = answering_machine(1, greeting_s=6)
    async with working({"/answer": "<Response><Hangup/></Response>"}, callee) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent, **params)]
        await over(call)
    assert agent.to("/answer").params["AnsweredBy"] == found
    assert call.phone.heard.length / 8 >= waited_ms


async def test_or_reported_while_the_call_goes_on() -> None:
    async with working({"/answer": answer("twilio")}, answering_machine(1)) as (cloud, client, agent):
        params = {"machine_detection": "Enable", "async_amd": "true"}
        sid = await create(client, agent, async_amd_status_callback=f"{agent.url}/machine", **params)
        call = cloud.calls[sid]
        while not any(hit.path == "/machine" for hit in agent.hits):
            await call.clock.sleep(0.1)
        await call.hang_up()
    told = agent.to("/machine").params
    assert (told["AnsweredBy"], told["CallStatus"]) == ("machine_start", "in-progress")
    assert int(told["MachineDetectionDuration"]) > 0
    assert "AnsweredBy" not in agent.to("/answer").params


async def test_recordings() -> None:
    async with working({"/answer": answer("twilio")}) as (cloud, client, agent):
        sid = await create(client, agent)
        call = cloud.calls[sid]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        recording = await asked(client.calls(sid).recordings.create, recording_status_callback=f"{agent.url}/recorded")
        assert recording.status == "in-progress"
        stopped = await asked(client.calls(sid).recordings(recording.sid).update, status="stopped")
        assert stopped.status == "stopped"
        await call.hang_up()
    assert agent.to("/recorded").params["RecordingSid"] == recording.sid


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": ""}, 21201),
        ({"from_": ""}, 21213),
        ({"url": ""}, 21205),
        ({"url": "nowhere"}, 21205),
        ({"timeout": 601}, 20001),
        ({"status_callback_event": ["gone"]}, 21626),
        ({"machine_detection": "Maybe"}, 21218),
    ],
)
async def test_requests_that_are_refused(params: dict[str, Any], code: int) -> None:
    async with working({}) as (cloud, client, agent):
        with pytest.raises(TwilioRestException) as refused:
            await create(client, agent, **params)
        assert cloud.calls == {}
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_live_calls_are_told_what_makes_no_sense() -> None:
    async with working({"/answer": answer("twilio")}) as (cloud, client, agent):
        cloud.everybody(no_answer(600))
        call = client.calls(await create(client, agent, timeout=600))
        for function, params, code in (
            (call.update, {"url": f"{agent.url}/answer"}, 21220),
            (call.recordings.create, {}, 21220),
            (call.update, {"status": "paused"}, 21218),
            (call.update, {}, 21220),
            (call.recordings("RE1").update, {"status": "paused"}, 21222),
            (call.recordings("RE1").update, {"status": "stopped"}, 20404),
        ):
            with pytest.raises(TwilioRestException) as refused:
                await asked(function, **params)
            assert refused.value.code == code
        cloud.everybody(answers())
        sid = await create(client, agent)
        await asyncio.wait_for(cloud.calls[sid].phone.streaming(), PATIENCE_S)
        with pytest.raises(TwilioRestException) as refused:
            await asked(client.calls(sid).update)
        assert refused.value.code == 21205


async def test_strangers_and_calls_that_are_gone() -> None:
    async with working({}) as (cloud, client, agent):
        with pytest.raises(TwilioRestException) as refused:
            await asked(client.calls("CA" + "0" * 32).fetch)
        assert (refused.value.status, refused.value.code) == (404, 20404)
        client.auth = (cloud.account.id, "wrong")
        with pytest.raises(TwilioRestException) as refused:
            await create(client, agent)
        assert (refused.value.status, refused.value.code) == (401, 20003)
