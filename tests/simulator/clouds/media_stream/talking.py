"""The scripted agent of the simulator's tests, on the media streams of the carriers."""

import base64

from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.simulator.clouds.media_stream.dialects import Carrier
from tests.simulator.agent_double import AgentDouble
from tests.simulator.clouds.media_stream.agent import Agent, Line, answer


def talking(double: AgentDouble, carrier: Carrier) -> Agent:
    """A server that answers with a stream on which `double` talks, a frame for a frame."""

    async def talk(line: Line) -> None:
        await line.until("start")
        while not double.hung_up and await line.read():
            message = line.seen[-1]
            if message["event"] == "dtmf":
                double.press(message["dtmf"]["digit"])
            elif message["event"] == "media":
                heard = mulaw_decode(base64.b64decode(message["media"]["payload"]))
                payload = base64.b64encode(mulaw_encode(double.answer(heard))).decode()
                await _play(carrier, line, payload)

    return Agent(talk, {f"/{carrier}/answer": answer(carrier)})


async def _play(carrier: Carrier, line: Line, payload: str) -> None:
    if carrier == "twilio":
        await line.send("media", streamSid=line.stream_id, media={"payload": payload})
    else:
        media = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": payload}
        await line.send("playAudio", streamId=line.stream_id, media=media)
