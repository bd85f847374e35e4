from base64 import b64decode, b64encode
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from offhook.simulator.bench.realtime_echo import FRAME_BYTES, app, echoed
from offhook.simulator.bench.stamps import read_stamp, write_stamp


def frames(count: int) -> bytes:
    audio = bytearray(b"\xff" * FRAME_BYTES * count)
    for number in range(count):
        write_stamp(audio, number * FRAME_BYTES, number, 1_000 + number)
    return bytes(audio)


def test_frames_come_back_with_the_time_at_which_they_were_heard() -> None:
    heard = echoed(frames(2) + b"\xff" * 40, 5_000)
    assert len(heard) == 2 * FRAME_BYTES + 40
    stamps = [read_stamp(heard[at : at + FRAME_BYTES]) for at in (0, FRAME_BYTES)]
    assert stamps == [(0, 1_000, 5_000), (1, 1_001, 5_000)]
    assert heard.endswith(b"\xff" * 40)


async def test_a_session_says_what_it_hears_once_it_is_asked_to_speak() -> None:
    async with TestClient(TestServer(app())) as client, client.ws_connect("/v1/realtime") as ws:
        append = {"type": "input_audio_buffer.append", "audio": b64encode(frames(2)).decode()}
        asked: list[dict[str, Any]] = [
            append,
            {"type": "session.update", "session": {"type": "realtime", "instructions": "x"}},
            {"type": "response.create", "response": {"metadata": {"request": "r"}}},
            append,
        ]
        for event in asked:
            await ws.send_json(event)
        told = [await ws.receive_json() for _ in range(4)]
        assert (await client.get("/v1/models")).status == 200
    assert [event["type"] for event in told] == [
        "session.created",
        "session.updated",
        "response.created",
        "response.output_audio.delta",
    ]
    assert told[1]["session"] == {"type": "realtime", "instructions": "x"}
    assert told[2]["response"]["metadata"] == {"request": "r"}
    stamp = read_stamp(b64decode(told[3]["delta"]))
    assert stamp is not None
    assert stamp.heard_ns > stamp.sent_ns
