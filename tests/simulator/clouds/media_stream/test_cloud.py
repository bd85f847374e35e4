"""Whole calls between a double and a small agent, over real sockets, with time running fast."""

import asyncio
import base64
from typing import Any

import numpy as np
import pytest

from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, CloudCall, RealTime, Variants
from offhook.simulator.clouds.media_stream.stream import StreamEnd
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, Line, answer, listen, serving

SPEEDUP = 5.0
FRAME_MS = 20
TONE = (8_000 * np.sin(np.arange(1_600) * 2 * np.pi / 16)).astype("<i2").tobytes()
CODED = mulaw_encode(TONE)
each_carrier = pytest.mark.parametrize("carrier", CARRIERS)


def play(carrier: Carrier, line: Line, data: bytes) -> Any:
    payload = base64.b64encode(data).decode()
    if carrier == "twilio":
        return line.send("media", streamSid=line.stream_id, media={"payload": payload})
    media = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": payload}
    return line.send("playAudio", streamId=line.stream_id, media=media)


def mark(carrier: Carrier, line: Line, name: str) -> Any:
    if carrier == "twilio":
        return line.send("mark", streamSid=line.stream_id, mark={"name": name})
    return line.send("checkpoint", streamId=line.stream_id, name=name)


def clear(carrier: Carrier, line: Line) -> Any:
    if carrier == "twilio":
        return line.send("clear", streamSid=line.stream_id)
    return line.send("clearAudio", streamId=line.stream_id)


def reached(carrier: Carrier, line: Line) -> list[str]:
    if carrier == "twilio":
        return [each["mark"]["name"] for each in line.all("mark")]
    return [each["name"] for each in line.all("playedStream")]


def cloud_of(carrier: Carrier, **options: Any) -> CarrierCloud:
    return CarrierCloud(carrier, clock=RealTime(SPEEDUP), **options)


async def over(call: CloudCall) -> None:
    await asyncio.wait_for(call.ended.wait(), PATIENCE_S)


@each_carrier
async def test_an_inbound_call_in_which_the_agent_speaks_and_the_caller_hangs_up(carrier: Carrier) -> None:
    said = asyncio.Event()

    async def talk(line: Line) -> None:
        await line.until("start")
        await play(carrier, line, CODED)
        await mark(carrier, line, "greeting")
        await line.until("mark" if carrier == "twilio" else "playedStream")
        said.set()
        await line.to_the_end()

    status = 'statusCallback="{url}/stream"' if carrier == "twilio" else 'statusCallbackUrl="{url}/stream"'
    agent = Agent(talk, {"/answer": answer(carrier, extra=status)})
    async with serving(agent), cloud_of(carrier) as cloud:
        call = cloud.phone_in(
            f"{agent.url}/answer",
            from_="+91 8071387423",
            hangup_url=f"{agent.url}/hangup",
            status_url=f"{agent.url}/status",
        )
        await asyncio.wait_for(said.wait(), PATIENCE_S)
        call.phone.press("5")
        call.phone.say(TONE)
        await asyncio.sleep(0.1)
        await call.hang_up()
    line = agent.lines[0]
    assert call.violations == []
    heard = call.phone.heard.between(0, call.phone.heard.length)
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 100)
    assert loud[-1] - loud[0] + 1 == pytest.approx(1_600, abs=16)
    assert np.array_equal(heard[loud[0] // 160 * 160 :][:1_600], np.frombuffer(mulaw_decode(CODED), "<i2"))
    spoken = b"".join(base64.b64decode(each["media"]["payload"]) for each in line.all("media"))
    assert CODED in spoken
    assert line.all("dtmf")[0]["dtmf"]["digit"] == "5"
    assert reached(carrier, line) == ["greeting"]
    first = agent.to("/answer").params
    assert first["From"] == ("+918071387423" if carrier == "twilio" else "918071387423")
    assert call.ending
    if carrier == "twilio":
        assert line.seen[0]["event"] == "connected"
        assert line.seen[-1]["event"] == "stop"
        assert agent.events("/status") == ["completed"]
        assert agent.events("/stream") == ["stream-started", "stream-stopped"]
    else:
        assert first["Event"] == "StartApp"
        assert line.start["start"]["callId"] == first["CallUUID"] == call.id
        assert agent.events("/stream") == ["StartStream", "PlayedStream", "DroppedStream"]
        hangup = agent.to("/hangup").params
        assert (hangup["Event"], hangup["HangupCauseCode"], hangup["HangupSource"]) == ("Hangup", "4000", "Caller")


@each_carrier
async def test_barge_in_drops_what_waits(carrier: Carrier) -> None:
    done = asyncio.Event()

    async def talk(line: Line) -> None:
        await line.until("start")
        await play(carrier, line, CODED * 20)
        await mark(carrier, line, "lost")
        await line.until("media", len(line.all("media")) + 10)
        await clear(carrier, line)
        await line.until("mark" if carrier == "twilio" else "clearedAudio")
        await play(carrier, line, CODED)
        await mark(carrier, line, "kept")
        await line.until(*(("mark", 2) if carrier == "twilio" else ("playedStream", 1)))
        done.set()

    agent = Agent(talk, {"/answer": answer(carrier)})
    async with serving(agent), cloud_of(carrier) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await over(call)
    stream = call.phone.streams[0]
    (cleared,) = stream.clears
    assert cleared.marks == ("lost",)
    assert 0 < cleared.dropped_ms < 4_000
    assert stream.worst_queued_ms > 3_500
    assert stream.played_ms == pytest.approx(4_000 - cleared.dropped_ms + 200, abs=FRAME_MS)
    assert reached(carrier, agent.lines[0]) == (["lost", "kept"] if carrier == "twilio" else ["kept"])
    assert stream.end is StreamEnd.CLOSED


async def test_a_stop_ends_the_stream_and_the_document_goes_on() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        await line.send("stop", streamId=line.stream_id)
        await line.to_the_end()

    document = answer("vobiz", extra='statusCallbackUrl="{url}/stream"', then="<Speak>Goodbye now</Speak>")
    agent = Agent(talk, {"/answer": document})
    async with serving(agent), cloud_of("vobiz") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    assert call.phone.streams[0].end is StreamEnd.STOPPED
    assert call.log.spoken == ["Goodbye now"]
    assert call.ending
    assert (call.ending.code, call.ending.source) == (4010, "")
    assert agent.events("/stream") == ["StartStream", "StopStream"]
    # Without a hangup URL, the hangup comes to the answer URL.
    assert agent.events("/answer") == ["StartApp", "Hangup"]


async def test_a_stream_that_does_not_keep_the_call_ends_with_its_document() -> None:
    agent = Agent(listen, {"/answer": '<Response><Stream bidirectional="true">{ws}</Stream></Response>'})
    async with serving(agent), cloud_of("vobiz") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    assert call.ending
    assert call.ending.code == 4010


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("OK", 8011),
        ("<Response><Stream>wss://a/?x=1&y=2</Stream></Response>", 8011),
        ('<Response><Stream bidirectional="true" audioTrack="both">{ws}</Stream></Response>', 4010),
        ("<Response/>", 4010),
        ('<Response><Hangup reason="busy"/></Response>', 3010),
        ("<Response><Hangup/></Response>", 4000),
        (404, 7011),
        (500, 7011),
        ("<Response><Redirect>{url}/next</Redirect></Response>", 7014),
        ('<Response><Hangup schedule="1"/><Wait length="60"/></Response>', 6000),
    ],
)
async def test_documents_that_end_a_call(document: str | int, code: int) -> None:
    agent = Agent(None, {"/answer": document, "/next": 503})
    async with serving(agent), cloud_of("vobiz") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer", hangup_url=f"{agent.url}/hangup")
        await over(call)
    assert agent.to("/hangup").params["HangupCauseCode"] == str(code)
    assert [hit.path for hit in agent.hits].count("/hangup") == 1


async def test_a_server_that_cannot_be_reached_has_a_fallback() -> None:
    agent = Agent(None, {"/fallback": "<Response><Hangup/></Response>"})
    async with serving(agent), cloud_of("twilio") as cloud:
        call = cloud.phone_in("http://127.0.0.1:9/answer", fallback_url=f"{agent.url}/fallback")
        await over(call)
    assert agent.to("/fallback").params["ErrorUrl"] == "http://127.0.0.1:9/answer"
    assert call.ending
    assert call.ending.code == 4000


async def test_signatures_are_right_wrong_or_missing() -> None:
    for signing, present in (("right", True), ("wrong", True), ("off", False)):
        agent = Agent(None, {"/answer": "<Response><Hangup/></Response>"})
        async with serving(agent), cloud_of("vobiz", signing=signing) as cloud:
            await over(cloud.phone_in(f"{agent.url}/answer"))
        assert ("X-Vobiz-Signature-V3" in agent.hits[0].headers) is present
        assert len({hit.headers.get("X-Vobiz-Signature-V3-Nonce") for hit in agent.hits}) == (2 if present else 1)


@each_carrier
async def test_query_strings_and_the_handshake(carrier: Carrier) -> None:
    document = answer(carrier).replace("{ws}", "{ws}/call-7?token=abc")
    agent = Agent(None, {"/answer": document})
    async with serving(agent), cloud_of(carrier) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    request = agent.lines[0].request
    assert request.path == "/ws/call-7"
    assert dict(request.query) == ({"token": "abc"} if carrier == "plivo" else {})
    assert ("X-Twilio-Signature" in request.headers) is (carrier == "twilio")
    assert not [name for name in request.headers if name.startswith("X-") and carrier != "twilio"]
    assert bool(call.violations) is (carrier == "twilio")


async def test_a_public_address_is_reached_where_the_server_is() -> None:
    public = "https://agent.example.com"
    document = answer("twilio").replace("{ws}", "wss://agent.example.com/ws")
    agent = Agent(None, {"/answer": document})
    reach: dict[str, str] = {}
    async with CarrierCloud("twilio", clock=RealTime(SPEEDUP), reach=reach) as cloud, serving(agent):
        reach[public] = agent.url
        call = cloud.phone_in(f"{public}/answer")
        await over(call)
    assert len(agent.lines) == 1
    assert call.courier.sent[0].url == f"{public}/answer"
    assert call.violations == []


async def test_what_a_carrier_would_refuse_is_noted_and_not_played() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        await line.send("media", media={"payload": base64.b64encode(CODED).decode()})
        await line.socket.send_bytes(CODED)
        await line.until("media", 3)

    agent = Agent(talk, {"/answer": answer("twilio")})
    async with serving(agent), cloud_of("twilio") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    assert call.violations == ["media has the streamSid None", "a binary frame of 1600 bytes"]
    assert not np.any(call.phone.heard.between(0, call.phone.heard.length))


async def test_variants_of_the_socket() -> None:
    async def talk(line: Line) -> None:
        await line.until("media", 5)
        await line.to_the_end()

    variants = Variants(media_first=3, unknown_events=True, stops=True, flat_start=True, drop_after_ms=None)
    agent = Agent(talk, {"/answer": answer("vobiz")})
    async with serving(agent), cloud_of("vobiz", variants=variants) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await call.phone.streaming()
        await asyncio.sleep(0.1)
        await call.hang_up()
    events = [each["event"] for each in agent.lines[0].seen]
    assert events[:6] == ["media", "media", "media", "hello", "start", "media"]
    assert events[-1] == "stop"


async def test_a_broken_connection_is_made_again_as_the_document_says() -> None:
    agent = Agent(listen, {"/answer": answer("vobiz", extra='maxRetries="1"')})
    async with serving(agent), cloud_of("vobiz", variants=Variants(drop_after_ms=200)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    first, second = agent.lines
    assert first.start["start"]["callId"] == second.start["start"]["callId"]
    assert first.stream_id != second.stream_id


async def test_plivo_tries_its_first_connection_three_times() -> None:
    agent = Agent(None, {"/answer": answer("plivo").replace("{ws}", "ws://127.0.0.1:9/ws")})
    async with serving(agent), cloud_of("plivo") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await over(call)
    assert call.phone.streams == []
    assert "cannot connect to ws://127.0.0.1:9/ws" in call.violations[0]


async def test_webhooks_that_come_twice_and_out_of_order() -> None:
    variants = Variants(duplicates=True, disorder=True, credentials=True)
    agent = Agent(None, {"/answer": answer("vobiz", extra='statusCallbackUrl="{url}/stream"')})
    async with serving(agent), cloud_of("vobiz", variants=variants) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer", hangup_url=f"{agent.url}/stream")
        await over(call)
    assert agent.events("/answer") == ["StartApp", "StartApp"]
    events = agent.events("/stream")
    assert sorted(events) == ["DroppedStream", "DroppedStream", "Hangup", "Hangup", "StartStream", "StartStream"]
    assert events.index("Hangup") < events.index("DroppedStream") or events.index("DroppedStream") < events.index(
        "StartStream"
    )
    assert agent.hits[0].headers["auth-token"] == cloud.account.token


async def test_a_status_that_nobody_acknowledges_is_sent_again() -> None:
    agent = Agent(None, {"/answer": "<Response><Hangup/></Response>", "/hangup": 500})
    async with serving(agent), cloud_of("vobiz", variants=Variants(status_retries=2)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer", hangup_url=f"{agent.url}/hangup")
        await over(call)
    assert agent.events("/hangup") == ["Hangup"] * 3
    assert [webhook.status for webhook in call.courier.sent] == [200, 500, 500, 500]


async def test_a_caller_who_gives_up_while_it_rings() -> None:
    agent = Agent(None, {"/answer": '<Response><Wait length="60"/></Response>'})
    async with serving(agent), cloud_of("vobiz") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer", hangup_url=f"{agent.url}/hangup")
        await asyncio.wait_for(agent.called.wait(), PATIENCE_S)
        await call.hang_up()
    assert not call.up.is_set()
    assert agent.to("/hangup").params["HangupCause"] == "ORIGINATOR_CANCEL"
    assert agent.to("/hangup").params["AnswerTime"] == ""
