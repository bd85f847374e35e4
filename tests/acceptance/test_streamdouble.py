"""A Twilio caller that somebody else wrote, against a running server."""

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
from streamdouble.api import call
from streamdouble.session import SessionConfig

from offhook.audio.g711 import mulaw_encode
from tests.acceptance.running import running_server
from tests.acceptance.town import socket_token, until

SETTINGS = """
[agents.echo]
engine = "loopback"
"""


async def test_a_call_of_streamdouble(tmp_path: Path) -> None:
    tone = (8_000 * np.sin(np.arange(16_000) * 2 * np.pi / 16)).astype("<i2").tobytes()
    frames = [mulaw_encode(tone[at : at + 320]) for at in range(0, len(tone), 320)]
    with running_server(tmp_path, SETTINGS) as server:
        url = f"127.0.0.1:{server.http_port}/twilio"
        async with aiohttp.ClientSession() as session:
            parameters = {"From": "+14155550142", "To": "+14155550100", "CallStatus": "ringing"}
            async with session.post(f"http://{url}/answer", data=parameters) as answer:
                document = await answer.read()
        report = await call(
            f"ws://{url}/ws/{socket_token(document)}",
            frames=frames,
            config=SessionConfig(quiet_period_s=0.5, max_drain_s=1.5),
        )
        assert (report.exit_code, report.violations) == (0, [])
        assert report.audio_received.count(frames[0]) >= 80
        assert report.result.marks_received
        (record,) = await until(lambda: [each for each in server.records() if each["end_reason"]], "the record")
        assert await asyncio.to_thread(server.stop) == 0
    assert (record["carrier"], record["from_number"]) == ("twilio", "+14155550142")
    assert record["end_reason"] == "caller_hung_up"
    assert "Traceback" not in server.output
