"""Who is not let in: forged webhooks, and media sockets without a token of their own."""

import asyncio
from collections.abc import Mapping

import aiohttp
import orjson
import pytest

from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, Variants
from tests.acceptance.town import OURS, THEIRS, Town, socket_token

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]
each_carrier = pytest.mark.parametrize("carrier", CARRIERS)


def arrival(carrier: Carrier, call_id: str) -> dict[str, str]:
    """What the answer webhook of a call says."""
    if carrier == "twilio":
        return {"CallSid": call_id, "From": THEIRS, "To": OURS, "CallStatus": "ringing", "Direction": "inbound"}
    return {"CallUUID": call_id, "From": THEIRS[1:], "To": OURS[1:], "Event": "StartApp", "Direction": "inbound"}


def start_of(carrier: Carrier, call_id: str) -> dict[str, object]:
    """The first event of a stream that says that it is of this call."""
    if carrier == "twilio":
        media = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {
            "callSid": call_id,
            "streamSid": "MZ1",
            "accountSid": "AC1",
            "tracks": ["inbound"],
            "mediaFormat": media,
        }
        return {"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}
    format_ = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
    start = {"callId": call_id, "streamId": "s1", "accountId": "1", "tracks": ["inbound"], "mediaFormat": format_}
    return {"event": "start", "sequenceNumber": 0, "start": start, "extra_headers": "{}"}


async def refusal(town: Town, carrier: Carrier, path: str, headers: Mapping[str, str] | None = None) -> int:
    """The status with which a media socket is refused."""
    signed = town.signature(carrier, "GET", path, {}) if headers is None else headers
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with town.session.ws_connect(f"{town.url}/{carrier}/{path}", headers=signed):
            raise AssertionError("a stranger was let in")
    return refused.value.status


@each_carrier
async def test_webhooks_that_are_not_signed_or_wrongly(town: Town, carrier: Carrier) -> None:
    before = await town.health()
    assert (await town.post(carrier, "answer", arrival(carrier, "forged"), {}))[0] == 403
    assert (await town.tell(carrier, "answer", arrival(carrier, "forged"), signing="wrong"))[0] == 403
    async with town.other_cloud(carrier, signing="wrong", variants=Variants(status_retries=0)) as forger:
        call = town.phone(carrier, cloud=forger)
        await asyncio.wait_for(call.ended.wait(), 30)
        assert {webhook.status for webhook in call.courier.sent} == {403}
        assert not call.phone.streams
    after = await town.health()
    assert (after["calls"], after["answered"]) == (before["calls"], before["answered"])


@each_carrier
async def test_a_signature_serves_for_one_request(town: Town, carrier: Carrier) -> None:
    params = arrival(carrier, f"signed-{carrier}")
    headers = town.signature(carrier, "POST", "answer", params)
    assert (await town.post(carrier, "answer", params, headers))[0] == 200
    assert (await town.post(carrier, "answer", {**params, "From": "+14155550666"}, headers))[0] == 403
    assert (await town.post(carrier, "hangup", params, headers))[0] == 403


@each_carrier
async def test_sockets_without_a_good_token(town: Town, carrier: Carrier) -> None:
    call = town.phone(carrier)
    stream = await asyncio.wait_for(call.phone.streaming(), 30)
    used = f"ws/{socket_token(call.log.documents[0])}"
    assert [await refusal(town, carrier, path) for path in ("ws", "ws/", "ws/made-up-token", used)] == [403] * 4
    assert stream.end is None
    await call.hang_up()
    await town.record_of(call)
    assert await refusal(town, carrier, used) == 403


@each_carrier
async def test_a_token_is_of_one_call_of_one_carrier(town: Town, carrier: Carrier) -> None:
    status, document = await town.tell(carrier, "answer", arrival(carrier, f"mine-{carrier}"))
    assert status == 200
    path = f"ws/{socket_token(document)}"
    other: Carrier = "plivo" if carrier == "vobiz" else "vobiz"
    assert await refusal(town, other, path) == 403
    if carrier == "twilio":
        assert await refusal(town, carrier, path, {}) == 403
    headers = town.signature(carrier, "GET", path, {})
    async with town.session.ws_connect(f"{town.url}/{carrier}/{path}", headers=headers) as socket:
        await socket.send_bytes(b"no text")
        await socket.send_str(orjson.dumps(start_of(carrier, "the call of somebody else")).decode())
        while (await asyncio.wait_for(socket.receive(), 30)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert socket.close_code == 1008
    assert not [record for record in town.server.records() if record["carrier_call_id"] == f"mine-{carrier}"]


async def test_the_api_wants_its_key(town: Town) -> None:
    placed = sum(len(cloud.requests) for cloud in town.clouds.values())
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        async with town.session.post(f"{town.url}/v1/calls", json={"to": THEIRS}, headers=headers) as answer:
            assert answer.status == 401
    assert sum(len(cloud.requests) for cloud in town.clouds.values()) == placed
