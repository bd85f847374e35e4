"""What webhooks say, how they are signed, and what the vendors' validators think of it."""

import asyncio
from urllib.parse import urlencode

import plivo.utils
import pytest
import vobiz.utils
from twilio.request_validator import RequestValidator

from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, RealTime
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, Hit, answer, serving

STREAM = {"vobiz": "statusCallbackUrl", "plivo": "statusCallbackUrl", "twilio": "statusCallback"}


async def hits_of(carrier: Carrier, method: str = "POST", query: str = "") -> tuple[CarrierCloud, Agent]:
    agent = Agent(None, {"/answer": answer(carrier, extra=f'{STREAM[carrier]}="{{url}}/stream"')})
    async with serving(agent), CarrierCloud(carrier, clock=RealTime(5)) as cloud:
        call = cloud.phone_in(
            f"{agent.url}/answer{query}",
            method=method,
            from_="+918071387423",
            to="+919624705678",
            hangup_url=f"{agent.url}/hangup",
            status_url=f"{agent.url}/status",
            forwarded_from="+912271264000",
            caller_name="Ace",
            sip_headers={"Customer": "7"},
        )
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    return cloud, agent


def accepted(cloud: CarrierCloud, url: str, hit: Hit, body: dict[str, str]) -> bool:
    token, headers = cloud.account.token, hit.headers
    if cloud.dialect.carrier == "vobiz":
        nonce = headers["X-Vobiz-Signature-V2-Nonce"]
        return bool(vobiz.utils.validate_signature(url, nonce, headers["X-Vobiz-Signature-V2"], token))
    if cloud.dialect.carrier == "plivo":
        nonce, signature = headers["X-Plivo-Signature-V3-Nonce"], headers["X-Plivo-Signature-V3"]
        return bool(plivo.utils.validate_v3_signature(hit.method, url, nonce, token, signature, body))
    return bool(RequestValidator(token).validate(url, body, headers["X-Twilio-Signature"]))


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("query", ["", "?b=2&a=1"])
async def test_the_vendors_validators_accept_what_is_posted(carrier: Carrier, query: str) -> None:
    cloud, agent = await hits_of(carrier, query=query)
    assert len(agent.hits) >= 3
    for hit in agent.hits:
        asked = hit.path == "/answer"
        body = {key: value for key, value in hit.params.items() if key not in ("a", "b")}
        assert accepted(cloud, agent.url + hit.path + (query if asked else ""), hit, body), hit.path


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_and_what_is_got(carrier: Carrier) -> None:
    cloud, agent = await hits_of(carrier, method="GET", query="?b=2&a=1")
    hit = agent.hits[0]
    assert hit.method == "GET"
    sent = next(iter(cloud.calls.values())).courier.sent[0]
    assert sent.method == "GET"
    # The parameters are in the query, where Twilio signs them as they are written and Plivo sorts them.
    query = "&".join(f"{key}={value}" for key, value in hit.params.items())
    if carrier == "twilio":
        query = "b=2&a=1&" + urlencode(sent.params)
    assert accepted(cloud, f"{agent.url}/answer?{query}", hit, {})


@pytest.mark.parametrize(("carrier", "header"), [("vobiz", "X-VH-Customer"), ("plivo", "X-PH-Customer")])
async def test_every_documented_parameter(carrier: Carrier, header: str) -> None:
    cloud, agent = await hits_of(carrier)
    call = next(iter(cloud.calls.values()))
    asked = agent.to("/answer").params
    expected = {
        "CallUUID": call.id,
        "From": "918071387423",
        "To": "919624705678",
        "Direction": "inbound",
        "CallStatus": "ringing",
        "Event": "StartApp",
        "ForwardedFrom": "912271264000",
        "CallerName": "Ace",
        "ParentAuthID": cloud.account.id,
        header: "7",
    }
    assert expected.items() <= asked.items()
    assert {"BillRate", "SessionStart", "STIRVerification"} <= asked.keys()
    told = agent.to("/hangup").params
    expected = {
        "Event": "Hangup",
        "CallStatus": "completed",
        "TotalCost": "0",
        "HangupCause": "NORMAL_CLEARING",
        "HangupCauseCode": "4010",
        "HangupCauseName": "End Of XML Instructions",
    }
    assert expected.items() <= told.items()
    assert {"Duration", "BillDuration", "StartTime", "AnswerTime", "EndTime", "HangupSource"} <= told.keys()
    started, dropped = (hit.params for hit in agent.hits if hit.path == "/stream")
    assert started["StreamID"] == call.phone.streams[0].id
    assert started["ServiceURL"] == agent.socket_url
    assert started["Error"] == ""
    assert started["status_callback_url"] == f"{agent.url}/stream"
    assert dropped["Error"] == "connection disconnected with the remote service"
    assert "ServiceURL" not in dropped


async def test_twilios_parameters() -> None:
    cloud, agent = await hits_of("twilio")
    call = next(iter(cloud.calls.values()))
    asked = agent.to("/answer").params
    expected = {
        "CallSid": call.id,
        "AccountSid": cloud.account.id,
        "From": "+918071387423",
        "To": "+919624705678",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
        "ForwardedFrom": "+912271264000",
        "CallerName": "Ace",
        "SipHeader_X-Customer": "7",
    }
    assert expected.items() <= asked.items()
    told = agent.to("/status").params
    assert (told["CallStatus"], told["CallbackSource"]) == ("completed", "call-progress-events")
    assert {"CallDuration", "Timestamp", "SequenceNumber"} <= told.keys()
    started = agent.to("/stream").params
    assert (started["StreamEvent"], started["StreamSid"]) == ("stream-started", call.phone.streams[0].id)
