"""The REST APIs of Vobiz and Plivo, used by the vendors' own clients."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import plivo
import pytest
import vobiz
import vobiz.exceptions

from offhook.simulator.clouds.media_stream import (
    Account,
    Callee,
    Carrier,
    CarrierCloud,
    CloudCall,
    RealTime,
    answering_machine,
    answers,
    busy,
    no_answer,
    rejects,
)
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, answer, listen, serving

SPEEDUP = 10.0
ACCOUNTS = {"vobiz": Account("MA_1", "secret"), "plivo": Account("MA" + "X" * 18, "secret")}
HANGUP = "<Response><Hangup/></Response>"


@asynccontextmanager
async def client_of(cloud: CarrierCloud) -> AsyncIterator[Any]:
    """The vendor's client, pointed at the double."""
    vendor: Any = vobiz if cloud.dialect.carrier == "vobiz" else plivo
    client = vendor.RestClient(cloud.account.id, cloud.account.token)
    client.base_uri = f"{cloud.api_url}/Account"
    with client:
        yield client


@asynccontextmanager
async def working(
    carrier: Carrier, documents: dict[str, str | int], callee: Callee | None = None
) -> AsyncIterator[tuple[CarrierCloud, Any, Agent]]:
    agent = Agent(listen, documents)
    cloud = CarrierCloud(carrier, account=ACCOUNTS[carrier], clock=RealTime(SPEEDUP))
    async with serving(agent), cloud, client_of(cloud) as client:
        cloud.everybody(callee or answers(0.5))
        yield cloud, client, agent


async def asked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def create(client: Any, agent: Agent, **params: Any) -> str:
    params = {"answer_url": f"{agent.url}/answer", "hangup_url": f"{agent.url}/hangup", **params}
    return str((await asked(client.calls.create, "+15550100", "+15550142", **params)).request_uuid)


async def over(call: CloudCall) -> None:
    await asyncio.wait_for(call.ended.wait(), PATIENCE_S)


async def up(call: CloudCall) -> None:
    await asyncio.wait_for(call.up.wait(), PATIENCE_S)


async def test_vobiz_sdk_places_transfers_and_hangs_up_a_call() -> None:
    documents: dict[str, str | int] = {
        "/answer": answer("vobiz", extra='statusCallbackUrl="{url}/stream"'),
        "/transfer": '<Response><Speak>One moment</Speak><Dial timeout="20">+15550199</Dial></Response>',
    }
    async with working("vobiz", documents) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent, ring_url=f"{agent.url}/ring")]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        live = await asked(client.calls.list_live)
        assert live.calls == [call.id]
        assert (await asked(client.calls.get_live, call.id)).call_state == "ACTIVE"
        await asked(client.calls.send_digits, call.id, "12#", "aleg")
        moved = await asked(client.calls.transfer, call.id, legs="aleg", aleg_url=f"{agent.url}/transfer")
        assert moved.call_uuid == call.id
        while not call.log.transfers:
            await call.clock.sleep(0.1)
        await asked(client.calls.hangup, call.id)
        await over(call)
        with pytest.raises(vobiz.exceptions.ResourceNotFoundError):
            await asked(client.calls.hangup, call.id)
    assert call.log.keys == "12#"
    assert call.log.spoken == ["One moment"]
    assert [(each.number, each.status) for each in call.log.transfers] == [("+15550199", "answered")]
    assert agent.events("/ring") == ["Ring"]
    assert agent.to("/ring").params["CallStatus"] == "ringing"
    started = agent.to("/answer").params
    assert (started["Event"], started["CallStatus"], started["Direction"]) == ("StartApp", "in-progress", "outbound")
    assert started["CallUUID"] == started["RequestUUID"] == call.id
    assert (started["From"], started["To"]) == ("15550100", "15550142")
    assert agent.to("/transfer").params["Event"] == "Transfer"
    assert agent.events("/stream") == ["StartStream", "DroppedStream"]
    assert agent.to("/hangup").params["HangupSource"] == "API Request"
    assert [request.status for request in cloud.requests] == [200, 200, 200, 202, 202, 204, 404]


async def test_plivos_sdk_does_the_same() -> None:
    documents: dict[str, str | int] = {"/answer": answer("plivo"), "/transfer": HANGUP}
    async with working("plivo", documents) as (cloud, client, agent):
        # The client goes back to Plivo's own address for calls, so its request is made in its name.
        request = client.create_request(
            "POST", ("Call",), {"from": "+15550100", "to": "+15550142", "answer_url": f"{agent.url}/answer"}
        )
        made = await asked(client.send_request, request)
        assert made.status_code == 201
        call = cloud.calls[made.json()["request_uuid"]]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        moved = await asked(
            client.send_request,
            client.create_request("POST", ("Call", call.id), {"legs": "aleg", "aleg_url": f"{agent.url}/transfer"}),
        )
        assert moved.status_code == 202
        await over(call)
        gone = await asked(client.send_request, client.create_request("DELETE", ("Call", call.id)))
        assert gone.status_code == 404
        assert set(gone.json()) == {"api_id", "error"}
    assert agent.to("/transfer").params["Event"] == "Transfer"


@pytest.mark.parametrize(
    ("callee", "params", "status", "code"),
    [
        (busy(), {}, "busy", "3010"),
        (rejects(), {}, "busy", "3020"),
        (no_answer(10), {}, "no-answer", "3000"),
        (no_answer(), {"ring_timeout": 5}, "timeout", "6010"),
        (answers(stays_s=1), {}, "completed", "4000"),
        (answers(), {"time_limit": 2}, "completed", "6000"),
        (answering_machine(1), {"machine_detection": "hangup"}, "completed", "9100"),
    ],
)
async def test_what_becomes_of_a_call(callee: Callee, params: dict[str, Any], status: str, code: str) -> None:
    async with working("vobiz", {"/answer": answer("vobiz")}, callee) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent, **params)]
        await over(call)
    told = agent.to("/hangup").params
    assert (told["CallStatus"], told["HangupCauseCode"]) == (status, code)
    assert (told["AnswerTime"] == "") is (status != "completed")


@pytest.mark.parametrize("machine", [True, False])
async def test_the_finding_of_machine_detection_is_reported(machine: bool) -> None:
    callee = answering_machine(1, greeting_s=3) if machine else answers()
    async with working("vobiz", {"/answer": answer("vobiz")}, callee) as (cloud, client, agent):
        params = {"machine_detection": "true", "machine_detection_url": f"{agent.url}/machine"}
        call = cloud.calls[await create(client, agent, **params)]
        stream = await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        while not any(hit.path == "/machine" for hit in agent.hits):
            await call.clock.sleep(0.1)
        await call.hang_up()
    told = agent.to("/machine").params
    assert (told["Event"], told["Machine"], told["IfMachine"]) == ("MachineDetection", str(machine).lower(), "continue")
    assert stream.frames_sent > 0


async def test_prompts_and_recordings() -> None:
    async with working("vobiz", {"/answer": answer("vobiz")}) as (cloud, client, agent):
        call = cloud.calls[await create(client, agent)]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        await asked(client.calls.play_audio, call.id, ["https://a/x.mp3"])
        await asked(client.calls.speak_text, call.id, "Please hold")
        assert call.phone.ear.prompts.queued_ms > 0
        await asked(client.calls.stop_audio, call.id)
        assert call.phone.ear.prompts.queued_ms == 0
        recording = await asked(client.calls.start_recording, call.id, callback_url=f"{agent.url}/recorded")
        await asked(client.calls.stop_recording, call.id, recording.url)
        with pytest.raises(vobiz.exceptions.ResourceNotFoundError):
            await asked(client.calls.stop_recording, call.id)
        await call.hang_up()
    assert (call.log.played, call.log.spoken) == (["https://a/x.mp3"], ["Please hold"])
    told = agent.to("/recorded").params
    assert (told["RecordingID"], told["RecordUrl"]) == (recording.recording_id, recording.url)


async def test_live_calls_are_told_what_makes_no_sense() -> None:
    async with working("vobiz", {"/answer": answer("vobiz")}) as (cloud, client, agent):
        cloud.everybody(no_answer(600))
        rings = await create(client, agent)
        with pytest.raises(vobiz.exceptions.ResourceNotFoundError):
            await asked(client.calls.transfer, rings, legs="aleg", aleg_url=f"{agent.url}/answer")
        cloud.everybody(answers())
        call = cloud.calls[await create(client, agent)]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        for function, params in (
            (client.calls.transfer, {"legs": "all", "aleg_url": "http://a/"}),
            (client.calls.transfer, {"legs": "bleg", "bleg_url": "http://a/"}),
            (client.calls.transfer, {"legs": "aleg"}),
            (client.calls.play_audio, {"urls": []}),
            (client.calls.speak_text, {"text": ""}),
            (client.calls.start_recording, {"file_format": "ogg"}),
            (client.calls.start_recording, {"time_limit": 0}),
            (client.calls.send_digits, {"digits": "A", "leg": "aleg"}),
            (client.calls.send_digits, {"digits": "1", "leg": "cleg"}),
        ):
            with pytest.raises(vobiz.exceptions.ValidationError):
                await asked(function, call.id, **params)
        assert call.ending is None


async def test_errors_come_as_the_sdk_expects_them() -> None:
    async with working("vobiz", {"/answer": answer("vobiz")}) as (cloud, client, agent):
        with pytest.raises(vobiz.exceptions.ValidationError):
            await asked(client.calls.create, "+15550100", "", f"{agent.url}/answer")
        with pytest.raises(vobiz.exceptions.ValidationError):
            await asked(client.calls.get, "nobody")
        for status, error in ((403, "GeoPermissionError"), (409, "InvalidRequestError"), (500, "VobizServerError")):
            cloud.refuse_next(status)
            with pytest.raises(getattr(vobiz.exceptions, error)):
                await create(client, agent)
        cloud.limits.concurrent = 0
        with pytest.raises(vobiz.exceptions.VobizRestError, match="429"):
            await create(client, agent)
        cloud.limits.credit = False
        with pytest.raises(vobiz.exceptions.VobizRestError, match="402"):
            await create(client, agent)
        client.session.headers["X-Auth-Token"] = "wrong"
        with pytest.raises(vobiz.exceptions.AuthenticationError):
            await create(client, agent)
    assert cloud.calls == {}


async def test_several_destinations_are_several_calls() -> None:
    async with working("vobiz", {"/answer": HANGUP}) as (cloud, client, agent):
        cloud.callees["15550102"] = busy()
        made = await asked(client.calls.create, "+15550100", "+15550101<+15550102", f"{agent.url}/answer")
        assert made.request_uuid == list(cloud.calls)
        for call in cloud.calls.values():
            await over(call)
    assert [call.facts.status for call in cloud.calls.values()] == ["completed", "busy"]


BODY = {"from": "+15550100", "to": "+15550142", "answer_url": "http://127.0.0.1:9/answer"}


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/Account/MA_1/Call/", {}, 200),
        ("/account/MA_1/call/", {}, 401),
        ("/Account/MA_1/Call", {}, 401),
        ("/Account/MA_2/Call/", {}, 401),
        ("/Account/MA_1/Call/", {"answer_url": "nowhere"}, 400),
        ("/Account/MA_1/Call/", {"answer_method": "PUT"}, 400),
        ("/Account/MA_1/Call/", {"from": ""}, 400),
        ("/Account/MA_1/Call/", {"to": "<".join(["1"] * 1_001)}, 400),
        ("/Account/MA_1/Call/", {"machine_detection": "maybe"}, 400),
        ("/Account/MA_1/Call/", {"ring_timeout": "soon"}, 400),
        ("/Account/MA_1/Call/nobody/", {}, 404),
    ],
)
async def test_requests_one_by_one(path: str, change: dict[str, Any], status: int) -> None:
    async with (
        CarrierCloud("vobiz", account=ACCOUNTS["vobiz"]) as cloud,
        aiohttp.ClientSession(headers=OWN) as session,
        session.post(cloud.api_url + path, json=BODY | change) as response,
    ):
        assert response.status == status
        told = await response.json()
    if status != 200:
        assert (told["status"], set(told["error"])) == ("error", {"code", "message", "details"})


OWN = {"X-Auth-ID": "MA_1", "X-Auth-Token": "secret"}
BASIC = {"Authorization": aiohttp.encode_basic_auth("MA_1", "secret")}


@pytest.mark.parametrize(
    ("carrier", "headers", "status"),
    [
        ("vobiz", OWN, 200),
        ("vobiz", BASIC, 401),
        ("vobiz", {}, 401),
        ("plivo", BASIC, 201),
        ("plivo", OWN, 401),
        ("plivo", {"Authorization": "Basic ?"}, 401),
        ("plivo", {"Authorization": "Bearer secret"}, 401),
    ],
)
async def test_who_may_ask(carrier: Carrier, headers: dict[str, str], status: int) -> None:
    async with CarrierCloud(carrier, account=Account("MA_1", "secret")) as cloud, aiohttp.ClientSession() as session:
        url = f"{cloud.api_url}/Account/MA_1/Call/"
        assert (await session.post(url, json=BODY, headers=headers)).status == status
        if carrier == "plivo":
            assert (await session.post(url.lower(), json=BODY, headers=headers)).status in (401, 404)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
async def test_bodies_that_are_no_objects(body: bytes) -> None:
    async with CarrierCloud("vobiz", account=ACCOUNTS["vobiz"]) as cloud, aiohttp.ClientSession() as session:
        response = await session.post(f"{cloud.api_url}/Account/MA_1/Call/", data=body, headers=OWN)
        assert response.status == 400
