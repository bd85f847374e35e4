"""Streams with other attributes and in other formats than most; the usual ones are in test_cloud.py."""

import asyncio
import base64

import numpy as np
import pytest

from offhook.audio.g711 import mulaw_decode
from offhook.simulator.clouds.media_stream import CarrierCloud, RealTime, StreamEnd, Variants
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, Line, listen, serving

TONE = (8_000 * np.sin(np.arange(1_600) * 2 * np.pi / 16)).astype("<i2").tobytes()


def document(attributes: str) -> str:
    return f"<Response><Stream {attributes}>{{ws}}</Stream></Response>"


def level(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max())


@pytest.mark.parametrize(("rate", "size"), [(8_000, 320), (16_000, 640)])
@pytest.mark.parametrize("big_endian", [False, True])
async def test_linear_audio_both_ways(rate: int, size: int, *, big_endian: bool) -> None:
    heard: list[bytes] = []
    order = ">i2" if big_endian else "<i2"
    sound = (8_000 * np.sin(np.arange(rate // 5) * 2 * np.pi * 500 / rate)).astype(order).tobytes()

    async def talk(line: Line) -> None:
        await line.until("start")
        media = {"contentType": "audio/x-l16", "sampleRate": rate, "payload": base64.b64encode(sound).decode()}
        await line.send("playAudio", streamId=line.stream_id, media=media)
        await line.send("checkpoint", streamId=line.stream_id, name="played")
        await line.until("playedStream")
        await line.until("media", 20)
        heard.extend(base64.b64decode(each["media"]["payload"]) for each in line.all("media"))

    agent = Agent(
        talk, {"/answer": document(f'bidirectional="true" keepCallAlive="true" contentType="audio/x-l16;rate={rate}"')}
    )
    variants = Variants(big_endian=big_endian)
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(5), variants=variants) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        call.phone.say(TONE)
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert call.violations == []
    assert {len(frame) for frame in heard} == {size}
    assert level(np.frombuffer(b"".join(heard), order).astype("<i2").tobytes()) == pytest.approx(8_000, rel=0.1)
    played = call.phone.heard.between(0, call.phone.heard.length)
    assert level(played.tobytes()) == pytest.approx(8_000, rel=0.1)
    loud = np.flatnonzero(np.abs(played.astype(int)) > 500)
    assert loud[-1] - loud[0] == pytest.approx(1_600, abs=40)


async def test_a_one_way_stream_of_both_tracks() -> None:
    agent = Agent(
        listen,
        {
            "/answer": "<Response><Stream audioTrack='both' contentType='audio/x-mulaw;rate=8000'>{ws}</Stream>"
            "<Wait length='1'/><Speak>One moment please</Speak></Response>"
        },
    )
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(5)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        call.phone.say(TONE)
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    media = [each["media"] for each in agent.lines[0].all("media")]
    assert agent.lines[0].start["start"]["tracks"] == ["inbound", "outbound"]
    for track in ("inbound", "outbound"):
        sound = b"".join(base64.b64decode(each["payload"]) for each in media if each["track"] == track)
        assert level(mulaw_decode(sound)) > 5_000


async def test_a_stream_lasts_no_longer_than_it_may() -> None:
    agent = Agent(listen, {"/answer": document('bidirectional="true" keepCallAlive="true" streamTimeout="2"')})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(5)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert call.phone.streams[0].end is StreamEnd.TIMEOUT


async def test_keys_for_the_person_at_the_phone() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        await line.send("sendDTMF", dtmf="12#")
        await line.until("media", 3)

    agent = Agent(talk, {"/answer": document('bidirectional="true" keepCallAlive="true"')})
    async with serving(agent), CarrierCloud("plivo", clock=RealTime(5)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert call.log.keys == "12#"


async def test_what_is_played_too_early_can_be_lost() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        for _ in range(2):
            payload = base64.b64encode(b"\x80" * 160).decode()
            media = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": payload}
            await line.send("playAudio", streamId=line.stream_id, media=media)
            await line.until("media", len(line.all("media")) + 60)

    agent = Agent(talk, {"/answer": document('bidirectional="true" keepCallAlive="true"')})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(5), variants=Variants(deaf_ms=800)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    stream = call.phone.streams[0]
    assert len(stream.queued) == 2
    assert stream.played_ms == 20
